"""What pages tell of time: who waits for whom, what nobody has begun, and what is due soon."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import BigIntegerField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone

from orchestrator.engine.clocks import START
from orchestrator.models import Actor, Seat, Timer
from orchestrator.models.querysets import SeatQuerySet
from orchestrator.models.statements import ID, Kept
from orchestrator.pages import name_of

SHOWN: Final = 20
LOOKED: Final = 300
"""Seats, first due first, among which those are looked for that nobody has begun."""
ALONG: Final = ("task__case", "task__step")


@dataclass(frozen=True, slots=True)
class Wait:
    """A seat that somebody waits with. ``label`` is the reason, ``party`` for whom, or ""."""

    url: str
    resume_url: str
    case_key: str
    step_name: str
    who: str
    label: str
    party: str
    until: datetime
    due_at: datetime
    late: bool


@dataclass(frozen=True, slots=True)
class Unheld:
    """An open seat on nobody's screen. ``assigned_to`` is a name, "" for nobody's."""

    seat: int
    url: str
    case_key: str
    step_name: str
    group: str
    due_at: datetime
    late: bool
    assigned_to: str


def waits_of(actor: Actor) -> list[Wait]:
    """What the actor waits with, first back first. Two queries at most."""
    return _waits(WITH_ACTOR.all(actor.pk))


def waits_in(places: Iterable[int]) -> list[Wait]:
    """What anybody waits with in these workflows, first back first."""
    return _waits(list(_first_back(Seat.objects.pended().filter(workflow__in=places))))


def _first_back(found: SeatQuerySet) -> SeatQuerySet:
    return found.select_related(*ALONG).order_by("back_at", "pk")[:SHOWN]


BY: Final = Cast(KT("pended__by"), BigIntegerField())
WITH_ACTOR: Final = Kept(
    lambda actor: _first_back(Seat.objects.pended().alias(by=BY).filter(by=actor)), ID
)


def _waits(seats: Sequence[Seat]) -> list[Wait]:
    wanted = {seat.pended["by"] for seat in seats if seat.pended}
    people = Actor.objects.select_related("user").in_bulk(wanted) if wanted else {}
    return [_wait(seat, people) for seat in seats]


def _wait(seat: Seat, people: Mapping[int, Actor]) -> Wait:
    told = seat.pended or {}
    return Wait(
        url=reverse("review:task", args=[seat.task_id]),
        resume_url=reverse("review:resume", args=[seat.task_id]),
        case_key=seat.task.case.key,
        step_name=seat.task.step.name,
        who=name_of(people.get(told.get("by", 0))),
        label=told.get("label", ""),
        party=told.get("party", ""),
        until=seat.back_at or seat.due_at,
        due_at=seat.due_at,
        late=seat.due_at < timezone.now(),
    )


def told_of(seats: Iterable[int]) -> dict[int, set[str]]:
    """Which timers of these seats have fired: seat -> kinds. One query."""
    rows = Timer.objects.filter(seat__in=list(seats), fired_at__isnull=False)
    found: dict[int, set[str]] = {}
    for seat, kind in rows.values_list("seat_id", "kind"):
        if seat is not None:
            found.setdefault(seat, set()).add(kind)
    return found


def is_unstarted(seat: Seat, told: Mapping[int, set[str]]) -> bool:
    """Whether the time to begin is over and nobody has begun."""
    return seat.claimed_at is None and START in told.get(seat.pk, ())


def unstarted_in(places: Iterable[int]) -> list[Unheld]:
    """What nobody has begun in time in these workflows, first due first. One query."""
    first = Seat.objects.open().free().filter(workflow__in=places, claimed_at=None)
    looked = first.order_by("due_at", "pk").values("pk")[:LOOKED]
    missed = Timer.objects.filter(seat__in=looked, kind=START, fired_at__isnull=False)
    return unheld(Seat.objects.filter(pk__in=missed.values("seat")), SHOWN)


def unheld(found: SeatQuerySet, most: int) -> list[Unheld]:
    """Seats as rows, first due first. One query."""
    along = (*ALONG, "group", "assigned_to__user")
    return [
        Unheld(
            seat=seat.pk,
            url=reverse("case", args=[seat.task.case_id]),
            case_key=seat.task.case.key,
            step_name=seat.task.step.name,
            group=seat.group.name,
            due_at=seat.due_at,
            late=seat.due_at < timezone.now(),
            assigned_to=name_of(seat.assigned_to),
        )
        for seat in found.select_related(*along).order_by("due_at", "pk")[:most]
    ]
