"""Machine work: claimed with a lease and a fence, done outside any transaction, handed in once."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import Any, Final

from django.db import connection

from orchestrator import logs, schema
from orchestrator.connectors import (
    Call,
    CallError,
    PermanentError,
    Result,
    TransientError,
    connector_class,
)
from orchestrator.engine import failing, versions
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.definition import definition_of
from orchestrator.engine.judging import judge
from orchestrator.engine.leasing import GRACE, Work
from orchestrator.engine.reading import attempt_fields, is_json
from orchestrator.engine.scopes import input_of
from orchestrator.exceptions import StaleFence
from orchestrator.models import (
    Attempt,
    Connection,
    Step,
    StepKind,
    Task,
    TaskState,
)
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.statements import insert

logger = logging.getLogger(__name__)

MOST_STEPS: Final = 32
MOST_SECONDS: Final = 10.0
# Skip locked: several workers ask at once and each gets another row.
CLAIM: Final = """
UPDATE orchestrator_task AS t SET state = 'running', fence = t.fence + 1,
    attempts = t.attempts + 1,
    lease_expires_at = clock_timestamp() + make_interval(secs => s.timeout + %(grace)s)
FROM orchestrator_step s
WHERE s.id = t.step_id AND t.id = (
    SELECT id FROM orchestrator_task
    WHERE state = 'ready' AND run_at <= clock_timestamp()
    ORDER BY run_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING t.id, t.case_id, t.step_key, t.fence, t.attempts, t.effect_key, t.proposal IS NOT NULL
"""


def claim_work() -> Work | None:
    """The machine task that has been ready for longest, now leased to the caller; or None."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"grace": GRACE})
        row = cursor.fetchone()
    return Work(*row) if row else None


def is_work_ready() -> bool:
    """Whether a machine task waits to be claimed right now."""
    return Task.objects.filter(state=TaskState.READY, run_at__lte=ClockTimestamp()).exists()


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
        if _is_held(act, task, work):
            brought = Attempt.objects.select_related("actor")
            judge(act, task, brought.get(task=task, number=1, shadow=False))
    return act.handed


def _call(work: Work, *, hand_on: bool) -> Work | None:
    task = Task.objects.select_related("case").get(pk=work.task_id)
    task.step = step = definition_of(task.case.version_id).steps[work.step_key]
    given = input_of(task)
    started = time.monotonic()
    try:
        send = _connection(step)
        if step.kind == StepKind.SYSTEM:
            failing.sending(work, send, given)
        result = _answer(step, send, given, work)
    except CallError as error:
        logger.warning("attempt %d failed: %s", work.attempt, type(error).__name__)
        failing.fail(work, given, error)
        return None
    latency = round((time.monotonic() - started) * 1000)
    return submit_output(work, result, given=given, latency_ms=latency, over=send, hand_on=hand_on)


def _connection(step: Step) -> Connection:
    """The step's connection as it is now: its settings may change under a published version."""
    if step.actor is None or step.actor.connection_id is None:
        raise PermanentError(f"{step.name} names nobody who can perform it.")
    return Connection.objects.get(pk=step.actor.connection_id)


def _answer(step: Step, send: Connection, given: Any, work: Work) -> Result:
    call = Call(
        input=given,
        schema=step.schema,
        step=step.call,
        idempotency_key=work.effect_key,
        timeout=float(step.timeout),
        attempt=work.attempt,
    )
    try:
        result = connector_class(send.kind)(send.settings, send.secret).call(call)
    except CallError:
        raise
    except Exception as error:
        # Whatever a connector's code does, the case ends up with a person, not lost.
        raise PermanentError(f"{type(error).__name__}: {error}", may_have_happened=True) from error
    if not is_json(result.output):
        raise PermanentError("The output is no JSON.", may_have_happened=True)
    if found := schema.validate(step.schema, result.output):
        said = "; ".join(f"{problem.path or '/'}: {problem.message}" for problem in found[:5])
        raise TransientError(f"The output does not fit the schema: {said}")
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
        if is_held := _is_held(act, task, work):
            said = {"latency_ms": latency_ms} | _said(result)
            attempt = _attempt(act, task, work, said, given=given, over=over)
            failing.confirm(act, task, result)
            judge(act, task, attempt)
    if not is_held:
        raise StaleFence
    return act.handed


def _is_held(act: Act, task: Task, work: Work) -> bool:
    """Whether the lease on the task lasts; where it does not, a note of it."""
    if task.state == TaskState.RUNNING and task.fence == work.fence:
        return True
    act.note("attempt.lost", {"task": task.pk}, {"fence": work.fence, "now": task.fence})
    return False


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
        finished_at=act.now,
        **fields,
    )
    insert(attempt)
    return attempt


def _said(result: Result) -> dict[str, Any]:
    return {name: value for name, value in asdict(result).items() if value is not None}
