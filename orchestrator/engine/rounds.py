"""The rounds of a task: why its output goes where it does, and the seats of those who are asked."""

from __future__ import annotations

from decimal import Decimal
from math import isnan
from typing import Any, Final

from orchestrator import routing
from orchestrator.engine.acts import Act
from orchestrator.engine.clocks import due_in, wind
from orchestrator.engine.deciders import are_enough
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.preferring import prefer_sender
from orchestrator.engine.scopes import data_of
from orchestrator.engine.versions import agent_of
from orchestrator.models import (
    Attempt,
    DecisionRight,
    Mode,
    Routing,
    Seat,
    SeatPurpose,
    Step,
    Task,
    TaskState,
)
from orchestrator.models.rows import insert, insert_beside, new, store
from orchestrator.models.standing import Lane
from orchestrator.pointers import lookup

SEVERAL: Final = frozenset({Mode.DUAL, Mode.PANEL})
MOST_DEMAND: Final = 10**17


def facts_of(act: Act, task: Task, attempt: Attempt | None, output: Any) -> dict[str, Any]:
    """What the rules of a step can ask about one output."""
    return {
        "output": output,
        "case": data_of(task, act.case),
        "confidence": attempt and attempt.confidence,
        "field_confidence": attempt.field_confidence if attempt else {},
        "model": attempt.model if attempt else "",
        "agent": agent_of(attempt) if attempt else "",
        "round": task.round + 1,
        "initiator": str(act.case.initiator) if act.definition.asks_initiator else "",
    }


def record_route(
    act: Act,
    task: Task,
    route: routing.Route,
    right: DecisionRight | None,
    *,
    attempt: Attempt | None,
    action: Mode,
    facts: dict[str, Any],
    reason: str = "",
) -> Routing:
    """Begin the task's next round with the row that says where its output went, and why."""
    task.round += 1
    routed = new(
        Routing,
        task=task,
        round=task.round,
        attempt=attempt,
        right=right,
        action=action,
        reason=reason or route.reason,
        why=route.why,
        facts={key: value for key, value in facts.items() if key not in ("output", "case")},
        created_at=act.now,
    )
    insert(routed)
    act.note(
        "output.routed",
        {"task": task.pk, "routing": routed.pk},
        {"action": str(action), "rule": right and right.position, "round": task.round},
    )
    return routed


def offer(
    act: Act,
    task: Task,
    routed: Routing,
    right: DecisionRight,
    *,
    taken: int = 0,
    barred: list[int] | None = None,
    level: int = 0,
) -> list[Seat]:
    """Open the seats of a round; ``taken`` of them are filled already.

    ``level`` is that of the first one; above 0 somebody is there who takes it.
    A task that nobody may decide fails with an incident: it would wait for ever.
    """
    task.state = TaskState.IN_REVIEW
    task.lease_expires_at = task.run_at = None
    columns = ("state", "lease_expires_at", "run_at", "round", "proposal")
    barred = sorted({*(barred or []), *_initiators(act, right)})
    levels = {taken + 1: level}
    seats = [
        new_seat(
            act, task, routed, right, number=number, barred=barred, level=levels.get(number, 0)
        )
        for number in range(taken + 1, seats_of(right) + 1)
    ]
    wanted = sum(not seat.level for seat in seats)
    if not are_enough(lane_at(act, task.step_key, right.group_id), wanted, barred):
        store(task, *columns)
        _nobody(act, task, right)
        return []
    insert_beside(task, *columns, new=seats)
    wind(act, right, *seats)
    if task.visit > 1 and task.step.rework:
        prefer_sender(act, task, right, seats)
    return seats


def seats_of(right: DecisionRight) -> int:
    """How many people a rule asks."""
    if right.mode == Mode.DUAL:
        return 2
    return right.seats if right.mode == Mode.PANEL else 1


def approvals_of(right: DecisionRight) -> int:
    """How many of them have to agree."""
    if right.mode == Mode.DUAL:
        return 2
    return right.approvals if right.mode == Mode.PANEL else 1


def new_seat(
    act: Act,
    task: Task,
    routed: Routing,
    right: DecisionRight,
    *,
    number: int,
    barred: list[int],
    purpose: SeatPurpose = SeatPurpose.GATE,
    level: int = 0,
) -> Seat:
    """A seat, not saved. Above level 0 the rule's next level decides."""
    group = (right.escalates_to or right.group) if level else right.group
    confidence = routed.attempt.confidence if routed.attempt else None
    return new(
        Seat,
        task=task,
        round=task.round,
        purpose=purpose,
        number=number,
        level=level,
        workflow_id=act.case.workflow_id,
        step_key=task.step_key,
        group=group,
        due_at=due_in(act, right.decide_within),
        rank=-1 if confidence is None else confidence,
        demand=demand_of(task.step, task.proposal),
        barred=barred,
        blind=right.blind and purpose == SeatPurpose.GATE,
        created_at=act.now,
    )


def demand_of(step: Step, proposal: Any) -> Decimal | None:
    """The number that people's limits are compared with; None where the step has none."""
    value = lookup(proposal, step.limit) if step.limit else None
    if isinstance(value, bool) or not isinstance(value, int | float) or isnan(value):
        return None
    return round(Decimal(str(max(-MOST_DEMAND, min(MOST_DEMAND, value)))), 6)


def _initiators(act: Act, right: DecisionRight) -> list[int]:
    """Who brought the case is no second pair of eyes on it."""
    return [act.case.initiator_id] if right.mode in SEVERAL else []


def lane_at(act: Act, step_key: str, group: int | None) -> Lane:
    """Where a seat of this step queues up; a group that is gone is nobody's."""
    return Lane(act.case.workflow_id, step_key, group or 0)


def _nobody(act: Act, task: Task, right: DecisionRight) -> None:
    who = right.group.name if right.group else "Nobody"
    open_incident(
        act,
        task,
        "nobody",
        f"{who} has too few people who may decide this: {seats_of(right)} wanted.",
    )
