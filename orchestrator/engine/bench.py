"""What a decision is made with: the locked task, its seat, and why the seat is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.engine.acts import Act
from orchestrator.models import (
    MACHINE,
    Attempt,
    Decision,
    DecisionRight,
    Routing,
    Seat,
    SeatPurpose,
    Step,
    Task,
)
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


def route_of(row: Seat | Decision) -> Routing:
    """Why a seat is there, or a decision was asked for, with the attempt that it is about.

    Queries where nothing has yet.
    """
    known: Routing | None = getattr(row, "routed", None)
    if known is not None:
        return known
    found = ROUTED.first([row.task_id, row.round])
    assert found is not None, "nobody is asked without a route"  # noqa: S101
    return routed_to(row, *found)


def routed_to(row: Seat | Decision, routed: Routing, attempt: Attempt | None) -> Routing:
    """Keep with the row what was read along with it."""
    routed.attempt = attempt
    row.routed = routed  # type: ignore[union-attr]
    return routed


def is_handed(seat: Seat, step: Step) -> bool:
    """Whether a person does here what a machine could not: there is no output to judge.

    Queries where the seat's route has not been read yet.
    """
    if step.kind not in MACHINE or seat.purpose == SeatPurpose.RECONCILE:
        return False
    return route_of(seat).attempt_id is None


def bench_of(act: Act, task: Task, seat: Seat) -> Bench:
    routed = route_of(seat)
    rights = act.definition.rights[task.step_key]
    right = next(right for right in rights if right.pk == routed.right_id)
    routed.right = right
    seat.task = task
    return Bench(act, task, seat, routed, right)
