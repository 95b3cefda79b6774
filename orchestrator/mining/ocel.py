"""OCEL 2.0 as JSON: events, and the cases, tasks, decisions, versions and actors they are about.

The members come in the order in which they are known: events while the log is read, then the
objects, which wait in a file of their own, then the types that occurred.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from tempfile import SpooledTemporaryFile
from typing import IO, Any, Final

from orchestrator.mining.reading import Happening, Trace
from orchestrator.mining.telling import Names, Told, begun, told, type_of, word_of
from orchestrator.models import Actor, Decision, Task, WorkflowVersion

IN_MEMORY: Final = 8 * 1024 * 1024
"""Bytes of objects, beyond which they wait on the disk."""

Value = str | int | Decimal | datetime | None
TYPES: Final = {str: "string", int: "integer", Decimal: "float", datetime: "time"}


def as_ocel(traces: Iterable[Trace], names: Names) -> Iterator[tuple[str, int]]:
    """The file piece by piece, each with how many events of the log it holds."""
    with SpooledTemporaryFile(IN_MEMORY, mode="w+", encoding="utf-8") as waiting:
        events, objects = _Types(), _Objects(waiting, names)
        yield '{"events":[', 0
        comma = "\n"
        for trace in traces:
            for happening in trace.happenings:
                yield comma + _line(_event(trace, happening, events, objects)), 1
                comma = ",\n"
        yield '\n],\n"objects":[', 0
        yield from ((piece, 0) for piece in objects.written())
        yield f'\n],\n"eventTypes":{events.told()},\n"objectTypes":{objects.types.told()}}}\n', 0


class _Types:
    """The types that occurred, and the attributes that each of them had."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = defaultdict(dict)

    def attributes(self, of: str, said: dict[str, Value]) -> list[dict[str, str]]:
        """Those that say something. Values are texts, whatever their type: the schema wants it."""
        known = self._found[of]
        rows = []
        for name, value in said.items():
            if value not in (None, ""):
                known[name] = TYPES[type(value)]
                rows.append({"name": name, "value": _text(value)})
        return rows

    def told(self) -> str:
        rows = [
            {
                "name": name,
                "attributes": [{"name": key, "type": t} for key, t in sorted(has.items())],
            }
            for name, has in sorted(self._found.items())
        ]
        return _line(rows)


class _Objects:
    """Objects, each written when it is first met; those of a case are forgotten after it."""

    def __init__(self, file: IO[str], names: Names) -> None:
        self.types, self._file, self._names = _Types(), file, names
        self._shared: set[str] = set()
        self._of_case: tuple[int, set[str]] = (0, set())
        self._comma = "\n"

    def case(self, trace: Trace) -> str:
        case = trace.case
        name = f"case-{case.pk}"
        if self._of_case[0] != case.pk:
            self._of_case = (case.pk, set())
        if self._is_new(name):
            said = {
                "workflow": case.version.workflow.slug,
                "called_by": f"case-{trace.called_by}" if trace.called_by else None,
                "key": case.key if self._names.real else None,
            }
            state = {"state": str(case.state), "outcome": case.outcome}
            rows = self._timed("case", said, case.created_at)
            rows += self._timed("case", state, case.completed_at or case.created_at)
            self._write(name, "case", rows, [(self.version(case.version), "follows")])
        return name

    def task(self, case: str, task: Task) -> str:
        name = f"task-{task.pk}"
        if self._is_new(name):
            step = task.step
            said = {"step": step.name, "step_key": step.key, "kind": str(step.kind)}
            more = {"visit": task.visit, "branch": task.scope}
            state = {"state": str(task.state), "word": task.word}
            rows = self._timed("task", {**said, **more}, task.created_at)
            rows += self._timed("task", state, task.finished_at or task.created_at)
            self._write(name, "task", rows, [(case, "part of")])
        return name

    def decision(self, task: str, decision: Decision, by: str) -> str:
        name = f"decision-{decision.pk}"
        if self._is_new(name):
            said = {"word": word_of(decision), "round": decision.round}
            rows = self._timed("decision", said, decision.created_at)
            about = [(task, "about")] if task else []
            self._write(name, "decision", rows, [*about, *([(by, "made by")] if by else [])])
        return name

    def version(self, version: WorkflowVersion) -> str:
        name = f"version-{version.pk}"
        if self._is_new(name, shared=True):
            said = {"workflow": version.workflow.slug, "number": version.number}
            at = version.published_at or version.created_at
            self._write(name, "version", self._timed("version", said, at), [])
        return name

    def actor(self, actor: Actor) -> str:
        name, kind = self._names.id(actor), type_of(actor)
        if self._is_new(name, shared=True):
            rows = self._timed(kind, {"name": self._names.name(actor)}, actor.created_at)
            self._write(name, kind, rows, [])
        return name

    def written(self) -> Iterator[str]:
        self._file.seek(0)
        yield from iter(lambda: self._file.read(65_536), "")

    def _is_new(self, name: str, *, shared: bool = False) -> bool:
        known = self._shared if shared else self._of_case[1]
        if name in known:
            return False
        known.add(name)
        return True

    def _timed(self, of: str, said: dict[str, Any], at: datetime) -> list[dict[str, str]]:
        return [row | {"time": _text(at)} for row in self.types.attributes(of, said)]

    def _write(
        self, name: str, of: str, rows: list[dict[str, str]], to: list[tuple[str, str]]
    ) -> None:
        row = {"id": name, "type": of, "attributes": rows, "relationships": _related(to)}
        self._file.write(self._comma + _line(row))
        self._comma = ",\n"


def _event(trace: Trace, happening: Happening, types: _Types, objects: _Objects) -> dict[str, Any]:
    event, said = happening.event, told(happening)
    return {
        "id": f"case-{trace.case.pk}-{event.seq}",
        "type": event.type,
        "time": _text(event.at),
        "attributes": types.attributes(event.type, _said(happening, said)),
        "relationships": _related(_about(trace, happening, objects)),
    }


def _said(happening: Happening, said: Told) -> dict[str, Value]:
    start = begun(happening)
    return {
        "activity": said.activity,
        "lifecycle": said.transition,
        "what": said.what,
        "role": said.role,
        "seq": happening.event.seq,
        "word": said.word,
        "started": start.at if start else None,
        "cost": said.cost,
        "currency": said.currency,
    }


def _about(trace: Trace, happening: Happening, objects: _Objects) -> Iterator[tuple[str, str]]:
    """The objects that an event is about; each is written before or with its first event."""
    name = objects.case(trace)
    yield name, "case"
    yield objects.version(trace.case.version), "version"
    by = objects.actor(happening.actor) if happening.actor else ""
    if by:
        yield by, "by"
    if happening.person:
        yield objects.actor(happening.person), "person"
    task = objects.task(name, happening.task) if happening.task else ""
    if task:
        yield task, "task"
    if happening.decision:
        makes = happening.event.type == "decision.made"
        yield objects.decision(task, happening.decision, by if makes else ""), "decision"


def _related(to: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"objectId": name, "qualifier": qualifier} for name, qualifier in to]


def _text(value: Value) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
