"""Which seat of a task a page is about."""

from __future__ import annotations

from functools import cache
from typing import Final
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from orchestrator import authority
from orchestrator.models import Actor, Seat, SeatState, Task
from orchestrator.models.statements import ID, NUMBER, TOKEN, Kept
from review.wanted import Wanted

# What deciding needs of the case is its key, of the step its schema.
UNREAD: Final = (
    *("task__output", "task__case__data", "task__case__provenance"),
    *(f"task__step__{name}" for name in ("call", "input_mapping", "output_mapping", "evidence")),
)


def open_seats(task_id: int) -> QuerySet[Seat]:
    seats = Seat.objects.filter(task=task_id, state=SeatState.OPEN)
    return seats.select_related("claimed_by__user").order_by("level", "number", "id")


def seat_for(task: Task, actor: Actor) -> Seat | None:
    """The open seat that the actor holds, else may claim, else may only look at.

    None where no seat is open, and where the actor has decided in this round already.
    """
    if Seat.objects.filter(task=task, round=task.round, decided_by=actor).exists():
        return None
    found, now = list(open_seats(task.pk)), timezone.now()
    mine = [seat for seat in found if seat.claimed_by_id == actor.pk and seat.is_held(now)]
    free = [seat for seat in found if not seat.is_held(now) and _may_claim(seat, actor)]
    return next(iter((*mine, *free, *found)), None)


def own_seat(actor: Actor, wanted: Wanted) -> Seat | None:
    """A seat of the wanted part of the queue that the actor holds already, the first claimed."""
    part = {"workflow__slug": wanted.workflow, "step_key": wanted.step}
    asked = {name: value for name, value in part.items() if value}
    return _own(*asked).first(actor.pk, *asked.values())


@cache
def _own(*names: str) -> Kept[Seat]:
    def build(actor: int, *values: str) -> QuerySet[Seat]:
        seats = Seat.objects.open().claimed_by(actor)
        return seats.filter(**dict(zip(names, values, strict=True))).order_by("claimed_at")[:1]

    return Kept(build, ID, *(f":{name}" for name in names))


def decided_with(task_id: int, actor: Actor, token: str) -> int | None:
    """The id of the decision that the actor made with this claim; a form was sent twice."""
    seats = Seat.objects.filter(task=task_id, state=SeatState.DECIDED, decided_by=actor)
    try:
        return seats.filter(claim_token=UUID(token)).values_list("decision", flat=True).first()
    except ValueError:
        return None


def held_seat(task_id: int, actor: Actor, token: str) -> Seat | None:
    """The open seat that this token claims for the actor, with its task, case and step.

    Whether the claim lasts still is the engine's to say.
    """
    try:
        wanted = UUID(token)
    except ValueError:
        return None
    return HELD.first(task_id, actor.pk, wanted)


HELD: Final = Kept(
    lambda task, actor, token: (
        Seat.objects.open()
        .select_related("task__case", "task__step")
        .defer(*UNREAD)
        .filter(task=task, claimed_by=actor, claim_token=token)
    ),
    *(ID, NUMBER, TOKEN),
)


def _may_claim(seat: Seat, actor: Actor) -> bool:
    return authority.may(actor, "claim", seat).allowed
