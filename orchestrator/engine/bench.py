"""What a decision is made with: the locked task, its seat, and why the seat is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.engine.acts import Act
from orchestrator.models import DecisionRight, Routing, Seat, Task
from orchestrator.models.statements import ID, NUMBER, Kept

ROUTED: Final = Kept(
    lambda task, number: Routing.objects.select_related("attempt__actor").filter(
        task_id=task, round=number
    ),
    *(ID, NUMBER),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """One decision under way."""

    act: Act
    task: Task
    seat: Seat
    routed: Routing
    right: DecisionRight


def route_of(seat: Seat) -> Routing:
    """Why the seat is there, with the attempt that it is about."""
    routed = ROUTED.first(seat.task_id, seat.round)
    assert routed is not None, "no seat is there without a route"  # noqa: S101
    return routed


def bench_of(act: Act, task: Task, seat: Seat) -> Bench:
    routed = route_of(seat)
    rights = act.definition.rights[task.step_key]
    right = next(right for right in rights if right.pk == routed.right_id)
    routed.right = right
    seat.task = task
    return Bench(act, task, seat, routed, right)
