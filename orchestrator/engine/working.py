"""Machine work: claimed with a lease and a fence, done outside any transaction, handed in once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Final, TypeVar

from orchestrator import attachments, logs, schema
from orchestrator.connectors import (
    Call,
    CallError,
    PermanentError,
    Result,
    TransientError,
    connector_class,
)
from orchestrator.engine import breaking, doubting, failing, lanes, reconciling, versions
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.breaking import Admitted
from orchestrator.engine.briefing import brief_of
from orchestrator.engine.definition import definition_of
from orchestrator.engine.judging import judge
from orchestrator.engine.lanes import claim_work
from orchestrator.engine.leasing import Work, began, lease_of
from orchestrator.engine.reading import attempt_fields, is_json
from orchestrator.engine.scopes import input_of
from orchestrator.exceptions import StaleFence
from orchestrator.models import (
    Attempt,
    Connection,
    Step,
    StepEffect,
    StepKind,
    Task,
    TaskState,
)
from orchestrator.models.rows import insert
from orchestrator.models.statements import ID, Kept

logger = logging.getLogger(__name__)

Answered = TypeVar("Answered")

MOST_STEPS: Final = 32
MOST_SECONDS: Final = 10.0


def work_until_idle(limit: int = 1000, seconds: float = MOST_SECONDS) -> int:
    """Perform ready machine steps, one after the other; returns how many were taken.

    Whoever completes a step is handed the next one of its case in the same commit, for at
    most 32 steps: then the others have their turn.
    """
    end = time.monotonic() + seconds
    done = 0
    while done < limit and time.monotonic() < end:
        work, steps = claim_work(), 0
        if work is None:
            break
        while work is not None:
            done, steps = done + 1, steps + 1
            goes_on = steps < MOST_STEPS and done < limit and time.monotonic() < end
            work = perform(work, hand_on=goes_on)
    return done


def perform(work: Work, *, hand_on: bool = False) -> Work | None:
    """One try of a claimed task, from its input to its hand-in. A stale one changes nothing.

    With ``hand_on`` the case's next machine step comes back claimed, if there is one.
    """
    try:
        with logs.about(case=work.case_id, task=work.task_id):
            if work.handed_in:
                return _judge_handed_in(work, hand_on=hand_on)
            return _call(work, hand_on=hand_on)
    except StaleFence:
        return None


def _judge_handed_in(work: Work, *, hand_on: bool) -> Work | None:
    with acting_on(work.task_id) as (act, task):
        act.hands_on = hand_on
        if failing.holds(act, task, work):
            brought = Attempt.objects.select_related("actor")
            judge(act, task, brought.get(task=task, number=1, shadow=False))
    return act.handed


def _call(work: Work, *, hand_on: bool) -> Work | None:
    task = CLAIMED.first(work.task_id)
    if task is None or task.fence != work.fence or task.state != TaskState.RUNNING:
        raise StaleFence
    task.step = definition_of(task.case.version_id).steps[work.step_key]
    given = input_of(task)
    started = time.monotonic()
    try:
        through = breaking.admitted(_connection_of(task.step), task.pk, task.step.timeout)
        if through is None:
            lanes.give_back(work)
            return None
        result = _performed(through, task, work, given)
    except CallError as error:
        logger.warning("attempt %d failed: %s", work.attempt, type(error).__name__)
        failing.fail(work, given, error, latency_ms=_since(started))
        return None
    took, over = _since(started), through.connection
    return submit_output(work, result, given=given, latency_ms=took, over=over, hand_on=hand_on)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


CLAIMED: Final = Kept(lambda pk: Task.objects.select_related("case").filter(pk=pk), ID)


def _connection_of(step: Step) -> int:
    if step.actor is None or step.actor.connection_id is None:
        raise PermanentError(f"{step.name} names nobody who can perform it.")
    return step.actor.connection_id


def _performed(through: Admitted, task: Task, work: Work, given: Any) -> Result:
    """The result of the step's call, or of an earlier one that turns out to have happened.

    The connection's row was read just now: its settings may change under a published version.
    """
    step, over = task.step, through.connection
    call = Call(
        input=given,
        schema=step.schema,
        step=step.call,
        idempotency_key=work.effect_key,
        timeout=float(step.timeout),
        attempt=work.attempt,
        instructions=step.instructions,
        brief=brief_of(task),
        picture=partial(attachments.picture, task.case_id),
    )
    lease = None
    if step.effect == StepEffect.VERIFY_FIRST and doubting.is_sent(task.pk):
        happened = _counted(through, lambda: reconciling.verified(over, call))
        if happened is not None:
            return happened
        lease = lease_of(step)
    if step.kind == StepKind.SYSTEM:
        failing.sending(work, over, given, lease)
    return _fitting(step, _counted(through, lambda: _answer(over, call)))


def _counted(through: Admitted, call: Callable[[], Answered]) -> Answered:
    """Have the connection's breaker know how the call ended."""
    try:
        result = call()
    except CallError as error:
        breaking.failed(through, error)
        raise
    breaking.answered(through)
    return result


def _answer(over: Connection, call: Call) -> Result:
    try:
        result = connector_class(over.kind)(over.settings, over.secret).call(call)
    except CallError:
        raise
    except Exception as error:
        # Whatever a connector's code does, the case ends up with a person, not lost.
        raise PermanentError(f"{type(error).__name__}: {error}", may_have_happened=True) from error
    if not is_json(result.output):
        raise PermanentError("The output is no JSON.", may_have_happened=True)
    return result


def _fitting(step: Step, result: Result) -> Result:
    """The result, if its output is one. Raises TransientError: the next one may be."""
    if found := schema.validate(step.schema, result.output):
        said = "; ".join(f"{problem.path or '/'}: {problem.message}" for problem in found[:5])
        message = f"The output does not fit the schema: {said}"
        error = TransientError(message, may_have_happened=step.kind == StepKind.SYSTEM)
        error.spent = result.spent
        raise error
    return result


def submit_output(
    work: Work,
    result: Result,
    *,
    given: Any = None,
    latency_ms: int | None = None,
    over: Connection | None = None,
    hand_on: bool = False,
) -> Work | None:
    """Hand in the result of a claimed task: recorded, judged by the rules, and led on.

    ``over`` is the connection that it came over; it is part of the agent's version.

    With ``hand_on`` the case's next machine step comes back claimed, if there is one.

    Raises StaleFence, after recording it, when somebody else holds the task meanwhile.
    """
    with acting_on(work.task_id) as (act, task):
        act.hands_on = hand_on
        if is_held := failing.holds(act, task, work):
            said = {"latency_ms": latency_ms} | _said(result)
            try:
                attempt = _attempt(act, task, work, said, given=given, over=over)
            except versions.TooManyModels as error:
                failing.refuse(act, task, given, said, kind="models", message=str(error))
            else:
                failing.confirm(act, task, result)
                judge(act, task, attempt)
        else:
            failing.keep_answer(task, work, result)
    if not is_held:
        raise StaleFence
    return act.handed


def _attempt(
    act: Act, task: Task, work: Work, said: dict[str, Any], *, given: Any, over: Connection | None
) -> Attempt:
    fields = attempt_fields(said)
    attempt = Attempt(
        task=task,
        number=work.attempt,
        actor=versions.as_whom(act.definition, task.step, fields["model"], over=over),
        input=given,
        output=said.get("output"),
        started_at=began(task, act.now),
        finished_at=act.now,
        **fields,
    )
    insert(attempt)
    return attempt


def _said(result: Result) -> dict[str, Any]:
    return {name: value for name, value in asdict(result).items() if value is not None}
