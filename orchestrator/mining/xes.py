"""XES, IEEE 1849: one trace for each case, as its XML Schema wants it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import quoteattr

from orchestrator.mining.reading import Happening, Trace
from orchestrator.mining.telling import Names, Told, in_order

FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, not even escaped."""

EXTENSIONS: Final = (
    ("Concept", "concept"),
    ("Lifecycle", "lifecycle"),
    ("Organizational", "org"),
    ("Time", "time"),
    ("Cost", "cost"),
)
CLASSIFIERS: Final = (
    ("Activity", "concept:name"),
    ("Activity_and_lifecycle", "concept:name lifecycle:transition"),
    ("What_happened", "what"),
    ("Resource", "org:resource"),
)
FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)


def as_xes(traces: Iterable[Trace], names: Names) -> Iterator[tuple[str, int]]:
    """The file piece by piece, each with how many events of the log it holds."""
    yield _head(), 0
    for trace in traces:
        yield _trace(trace, names), len(trace.happenings)
    yield "</log>\n", 0


def _head() -> str:
    uri = "http://www.xes-standard.org/{}.xesext"
    lines = ['<log xes.version="1849.2016" xes.features="" xmlns="http://www.xes-standard.org/">']
    lines += [
        _element("extension", name=name, prefix=prefix, uri=uri.format(prefix))
        for name, prefix in EXTENSIONS
    ]
    lines += ['<global scope="trace">', _string("concept:name", "UNKNOWN"), "</global>"]
    lines += ['<global scope="event">', *_globals(), "</global>"]
    lines += [_element("classifier", name=name, scope="event", keys=k) for name, k in CLASSIFIERS]
    lines += [_string("concept:name", "rewire"), _string("lifecycle:model", "standard")]
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + "\n".join(lines) + "\n"


def _globals() -> list[str]:
    """What every event has, with what it would be if it had it not."""
    strings = ("concept:name", "lifecycle:transition", "org:resource", "org:role", "what", "event")
    return [*(_string(key, "UNKNOWN") for key in strings), _date("time:timestamp", FIRST)]


def _trace(trace: Trace, names: Names) -> str:
    case = trace.case
    said = {
        "concept:name": f"case-{case.pk}",
        "workflow": case.version.workflow.slug,
        "state": case.state,
        "outcome": case.outcome,
        "called_by": f"case-{trace.called_by}" if trace.called_by else "",
        "key": case.key if names.real else "",
    }
    lines = ["<trace>", *(_string(key, value) for key, value in said.items() if value)]
    lines.append(_element("int", key="version", value=str(case.version.number)))
    lines += [_event(*told, names) for told in in_order(trace.happenings)]
    return "\n".join([*lines, "</trace>\n"])


def _event(happening: Happening, told: Told, names: Names) -> str:
    said = {
        "concept:name": told.activity,
        "concept:instance": f"task-{happening.task.pk}" if happening.task else "",
        "lifecycle:transition": told.transition,
        "org:resource": names.name(told.resource),
        "org:role": told.role,
        "what": told.what,
        "event": happening.event.type,
        "word": told.word,
    }
    lines = ["<event>", *(_string(key, value) for key, value in said.items() if value)]
    lines.append(_date("time:timestamp", told.at))
    lines.append(_element("int", key="seq", value=str(happening.event.seq)))
    return "\n".join([*lines, *_cost(told), "</event>"])


def _cost(told: Told) -> list[str]:
    if told.cost is None:
        return []
    currency = [_string("cost:currency", told.currency)] if told.currency else []
    return [_element("float", key="cost:total", value=f"{told.cost:f}"), *currency]


def _string(key: str, value: str) -> str:
    return _element("string", key=key, value=value)


def _date(key: str, value: datetime) -> str:
    return _element("date", key=key, value=value.astimezone(UTC).isoformat())


def _element(tag: str, /, **attributes: str) -> str:
    said = (f"{name}={quoteattr(FORBIDDEN.sub('�', text))}" for name, text in attributes.items())
    return f"<{tag} {' '.join(said)}/>"
