"""Live cases and their events, a few hundred cases at a time, with what the events refer to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, cast

from django.db import models
from django.db.models import F, Q

from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    CaseOrigin,
    Decision,
    Event,
    Seat,
    Task,
    Workflow,
)
from orchestrator.narration import words_for

AT_ONCE: Final = 200
"""Cases whose events are in memory."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Live cases of ``workflow`` (None: of all) that were started on these days in UTC."""

    workflow: Workflow | None = None
    start: date | None = None
    until: date | None = None

    def cases(self) -> models.QuerySet[Case]:
        """In their order, without what came in and was written."""
        found = Case.objects.filter(self._days(), origin=CaseOrigin.LIVE)
        if self.workflow:
            found = found.filter(workflow=self.workflow)
        rows = found.select_related("version__workflow").defer("data", "provenance", "data_key")
        return rows.annotate(caller_case=F("caller__case")).order_by("pk")

    def _days(self) -> Q:
        days = Q()
        if self.start:
            days &= Q(created_at__gte=datetime.combine(self.start, time(), UTC))
        if self.until:
            end = datetime.combine(self.until, time(), UTC) + timedelta(days=1)
            days &= Q(created_at__lt=end)
        return days


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the log with the rows that it refers to; None where it names none.

    ``actor`` is who acted, as pages tell it: the actor of the attempt where there is one, and
    nobody where the engine went on by itself.
    """

    event: Event
    actor: Actor | None
    task: Task | None = None
    attempt: Attempt | None = None
    seat: Seat | None = None
    decision: Decision | None = None
    person: Actor | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """A case and what happened in it, in the order of its chain; at least one thing.

    ``called_by`` is the case whose step called this one.
    """

    case: Case
    called_by: int | None
    happenings: list[Happening]


def traces(selection: Selection) -> Iterator[Trace]:
    """All cases that have events left; at most seven queries for each ``AT_ONCE`` of them."""
    for cases in _chunks(selection.cases()):
        events = _events(cases)
        rows = _Rows(event for some in events.values() for event in some)
        for case in cases:
            if some := events.get(f"case:{case.pk}"):
                caller = cast("Any", case).caller_case
                yield Trace(case, caller, [rows.happening(event) for event in some])


def _chunks(cases: models.QuerySet[Case]) -> Iterator[list[Case]]:
    """By their ids, so that no transaction and no cursor stays open for a long export."""
    last = 0
    while some := list(cases.filter(pk__gt=last)[:AT_ONCE]):
        yield some
        last = some[-1].pk


def _events(cases: Sequence[Case]) -> Mapping[str, list[Event]]:
    found: dict[str, list[Event]] = defaultdict(list)
    streams = [f"case:{case.pk}" for case in cases]
    for event in Event.objects.filter(stream__in=streams).order_by("seq"):
        found[event.stream].append(event)
    return found


# ref of an event -> the rows it points into, without what they say
REFERRED: Final[Mapping[str, models.QuerySet[Any]]] = {
    "task": Task.objects.select_related("step").only(
        *("state", "word", "visit", "scope", "created_at", "finished_at"),
        *("step__key", "step__name", "step__kind"),
    ),
    "attempt": Attempt.objects.only("actor", "started_at", "cost_micros", "currency"),
    "seat": Seat.objects.select_related("group").only("group__name"),
    "decision": Decision.objects.annotate(
        sent_back=models.ExpressionWrapper(Q(proof__has_key="sent_back"), models.BooleanField())
    ).only("word", "round", "created_at"),
}


class _Rows:
    """What a chunk of events refers to: one query for each table, of actors one more."""

    def __init__(self, events: Iterable[Event]) -> None:
        events = list(events)
        self._found = {
            name: rows.in_bulk({event.refs[name] for event in events if name in event.refs})
            for name, rows in REFERRED.items()
        }
        wanted = {event.actor_id for event in events}
        wanted |= {event.refs["person"] for event in events if "person" in event.refs}
        wanted |= {attempt.actor_id for attempt in self._found["attempt"].values()}
        self._actors = Actor.objects.select_related("user").in_bulk(wanted)

    def happening(self, event: Event) -> Happening:
        rows = {name: found.get(event.refs.get(name)) for name, found in self._found.items()}
        attempt = rows["attempt"]
        acted = words_for(event.type).acted
        actor = self._actors[attempt.actor_id if attempt else event.actor_id] if acted else None
        person = self._actors.get(event.refs.get("person", 0))
        return Happening(event, actor, person=person, **rows)
