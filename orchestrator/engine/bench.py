"""What a decision is made with: the locked task, its seat, and why the seat is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.engine.acts import Act
from orchestrator.models import Attempt, DecisionRight, Routing, Seat, Task
from orchestrator.models.statements import Joined

ROUTED: Final = Joined(
    """
    SELECT {routed}, {attempt} FROM orchestrator_routing AS routed
    LEFT JOIN orchestrator_attempt AS attempt ON attempt.id = routed.attempt_id
    WHERE routed.task_id = %s AND routed.round = %s
    """,
    routed=Routing,
    attempt=Attempt,
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
    """Why the seat is there, with the attempt that it is about. Queries where nothing has yet."""
    known: Routing | None = getattr(seat, "routed", None)
    if known is not None:
        return known
    found = ROUTED.first([seat.task_id, seat.round])
    assert found is not None, "no seat is there without a route"  # noqa: S101
    return routed_to(seat, *found)


def routed_to(seat: Seat, routed: Routing, attempt: Attempt | None) -> Routing:
    """Keep with the seat what was read along with it."""
    routed.attempt = attempt
    seat.routed = routed  # type: ignore[attr-defined]
    return routed


def bench_of(act: Act, task: Task, seat: Seat) -> Bench:
    routed = route_of(seat)
    rights = act.definition.rights[task.step_key]
    right = next(right for right in rights if right.pk == routed.right_id)
    routed.right = right
    seat.task = task
    return Bench(act, task, seat, routed, right)
