"""The home of an administrator: whether everything runs, and nothing fell between the cracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from orchestrator import lifesigns
from orchestrator.engine import CHANGES, breaking
from orchestrator.models import Actor, Connection, Workflow
from orchestrator.spelling import duration, number
from orchestrator.views.home.leading import troubles
from orchestrator.views.home.sections import Section, listed, troubled

NAMES: Final = {
    lifesigns.TIMERS: gettext_noop("Timers"),
    lifesigns.WORKER: gettext_noop("Machine steps"),
    lifesigns.MEASURE: gettext_noop("Measuring"),
}


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of background process, and how long ago one of it reported."""

    name: str
    ago: str
    silent: bool


def administrator(actor: Actor, *, stopped: bool) -> Section:
    signs, found = lifesigns.signs(), troubles(actor)
    silent = signs.silent()
    orphans = signs.measured.get("orphans")
    data: dict[str, Any] = {
        "processes": [_process(kind, name, signs) for kind, name in _expected(signs)],
        "orphans": orphans,
        "incidents": found.rows,
        "paused": breaking.paused(),
        "is_new": not Workflow.objects.exclude(slug=CHANGES).exists(),
    }
    line = listed(
        [
            _("%s: nobody reports") % _(NAMES[silent]) if silent else _("everything runs"),
            "" if orphans is None else _orphaned(int(orphans)),
            troubled(found.count, found.late),
            _pausing(data["paused"]),
            _("automatic approval is stopped everywhere") if stopped else "",
        ]
    )
    return Section("admin", line, "bad" if silent or orphans else "", data)


def _pausing(paused: list[Connection]) -> str:
    count = len(paused)
    if not count:
        return ""
    return ngettext("%s connection pauses", "%s connections pause", count) % number(count)


def _orphaned(count: int) -> str:
    return ngettext("%s orphan", "%s orphans", count) % number(count)


def _expected(signs: lifesigns.Signs) -> list[tuple[str, str]]:
    """Measuring is shown once it began: in the first minute of all nothing was measured yet."""
    return [row for row in NAMES.items() if row[0] != lifesigns.MEASURE or row[0] in signs.seconds]


def _process(kind: str, name: str, signs: lifesigns.Signs) -> Process:
    seconds = signs.seconds.get(kind)
    limit = lifesigns.SECONDS_OF_SILENCE * (4 if kind == lifesigns.MEASURE else 1)
    late = seconds is None or seconds >= limit
    busy = kind == lifesigns.WORKER and signs.busy
    return Process(
        _(name),
        _("never") if seconds is None else _("%s ago") % duration(seconds),
        silent=late and not busy,
    )
