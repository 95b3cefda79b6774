"""What a reviewer of a seat is shown, on the page and through the API alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator import engine
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    DecisionRight,
    Routing,
    Seat,
    Step,
    Task,
    Workflow,
)
from orchestrator.telling import reason_of
from orchestrator.whereabouts import step_and_branch
from review.doubts import Doubt, doubt_of, failure_of


@dataclass(frozen=True, slots=True)
class Shown:
    """One seat as its reviewer may see it.

    ``data`` is the case file as this task sees it, ``output`` the value under review. ``rules``
    is the trace of the rules, ``why`` the sentence of it. ``field_confidence`` maps pointers to
    numbers from 0 to 1. All three and ``confidence`` are None on a blind seat. ``allowed`` are
    the words a decision may say; ``digest`` goes back with it. Where a step was ``handed`` over
    there is no output: ``given`` is the input that its machine failed at, and ``failure`` how.
    """

    seat: Seat
    task: Task
    case: Case
    workflow: Workflow
    step: Step
    right: DecisionRight | None
    routing: Routing
    attempt: Attempt | None
    data: dict[str, Any]
    output: Any
    confidence: float | None
    field_confidence: dict[str, float] | None
    why: str | None
    rules: list[dict[str, Any]] | None
    allowed: list[str]
    digest: str
    schema: dict[str, Any]
    evidence: list[Any]
    instructions: str
    reasons: list[Any]
    doubt: Doubt | None
    handed: bool
    given: Any
    failure: str

    @property
    def step_name(self) -> str:
        return step_and_branch(self.task)


def _value(task: Task) -> Any:
    """What is to be judged; who is to do a step anew begins with what was given last time."""
    return task.proposal if task.proposal is not None else (task.brief or {}).get("output")


def shown(seat: Seat, actor: Actor) -> Shown:
    """What ``actor`` sees of ``seat``: nothing is blind to who has decided it.

    One query where the seat came with its task, case and workflow.
    """
    task, doubt = seat.task, doubt_of(seat)
    routing = engine.route_of(seat)
    definition, attempt = engine.definition_of(task.case.version_id), routing.attempt
    step = definition.step_of(task)
    rights = definition.rights.get(task.step_key, ())
    right = next((right for right in rights if right.pk == routing.right_id), None)
    handed = engine.is_handed(seat, step)
    is_open = not seat.blind or seat.decided_by_id == actor.pk
    return Shown(
        seat=seat,
        task=task,
        case=task.case,
        workflow=task.case.workflow,
        step=step,
        right=right,
        routing=routing,
        attempt=attempt,
        data=engine.data_of(task, task.case),
        output=doubt.answer if doubt else _value(task),
        confidence=attempt.confidence if attempt and is_open else None,
        field_confidence=(attempt.field_confidence if attempt else {}) if is_open else None,
        why=reason_of(routing) if is_open else None,
        rules=routing.why if is_open else None,
        allowed=engine.words_on(seat, step, right),
        digest=engine.screen_digest(task, task.case),
        schema=step.schema,
        evidence=step.evidence,
        instructions=step.instructions,
        reasons=step.reasons,
        doubt=doubt,
        handed=handed,
        given=engine.input_of(task, task.case) if handed else None,
        failure=failure_of(task) if handed else "",
    )
