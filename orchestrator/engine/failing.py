"""Tries that gave nothing, writes under a stable key, and leases whose worker is gone."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from orchestrator.connectors import CallError, Result
from orchestrator.definitions.format import seconds
from orchestrator.definitions.rules import is_careful
from orchestrator.engine import doubting
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.cancelling import call_off
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.leasing import Work, began
from orchestrator.engine.reading import spent_fields
from orchestrator.engine.sweeping import reach, swept
from orchestrator.exceptions import StaleFence
from orchestrator.models import (
    Attempt,
    CaseState,
    Connection,
    Delivery,
    DeliveryState,
    StepKind,
    Task,
    TaskState,
)
from orchestrator.models.fields import ClockOnce, ClockTimestamp

MOST_CRASHES: Final = 3
LONGEST_WAIT: Final = 3600.0
BATCH: Final = 500
ATTEMPTS: Final = 3
BASE: Final = "2s"
CAP: Final = "60s"
LOST: Final = "Its worker did not come back."


def holds(act: Act, task: Task, work: Work) -> bool:
    """Whether the lease of this work on its task lasts; where it does not, a note of it."""
    if task.state == TaskState.RUNNING and task.fence == work.fence:
        return True
    act.note("attempt.lost", {"task": task.pk}, {"fence": work.fence, "now": task.fence})
    return False


@transaction.atomic
def sending(work: Work, send: Connection, given: Any, lease: timedelta | None = None) -> None:
    """Write down that a system of record is being called, before it is called.

    ``lease`` is how long it lasts from now for who has looked there before: else it might end in
    the middle of the write. Raises StaleFence where it is over: who comes late must not write any
    more.
    """
    held = Task.objects.select_for_update(no_key=True).filter(
        pk=work.task_id,
        fence=work.fence,
        state=TaskState.RUNNING,
        lease_expires_at__gt=ClockTimestamp(),
    )
    if held.values_list("id").first() is None:
        raise StaleFence
    if lease:
        held.update(lease_expires_at=ClockTimestamp() + lease)
    Delivery.objects.update_or_create(
        key=work.effect_key,
        defaults={
            "task_id": work.task_id,
            "connection": send,
            "state": DeliveryState.SENDING,
            "request": given,
            "sent_at": ClockTimestamp(),
            "fence": work.fence,
        },
    )


def confirm(act: Act, task: Task, result: Result) -> None:
    """The system of record has answered."""
    if task.step.kind == StepKind.SYSTEM:
        Delivery.objects.filter(task=task).update(
            state=DeliveryState.CONFIRMED, response=result.output, next_at=None
        )


def keep_answer(task: Task, work: Work, result: Result) -> None:
    """What came back too late, for the case was called off meanwhile: its undoing asks for it."""
    sent = Delivery.objects.filter(task=task, fence=work.fence, state=DeliveryState.SENDING)
    if task.state == TaskState.CANCELLED:
        sent.update(state=DeliveryState.CONFIRMED, response=result.output)


def fail(work: Work, given: Any, error: CallError, *, latency_ms: int | None = None) -> bool:
    """Record a try without a result: another one later, or somebody is asked.

    Whether it counted: the task may be somebody else's by now.
    """
    said = asdict(error.spent) | {"latency_ms": latency_ms}
    with acting(work.case_id) as act:
        task = locked_task(act, work.task_id)
        if is_held := holds(act, task, work):
            kind = "transient" if error.transient else "permanent"
            told = {"kind": kind, "message": str(error)[:2000]}
            _record(act, task, given, told, said, may_have_happened=error.may_have_happened)
            _after(act, task, kind, error)
    return is_held


def refuse(
    act: Act, task: Task, given: Any, said: Mapping[str, Any], *, kind: str, message: str
) -> None:
    """Take no output of a try: people look at why. ``kind`` is that of the incident."""
    told = {"kind": kind, "message": message[:2000]}
    _record(act, task, given, told, said, may_have_happened=False)
    open_incident(act, task, kind, message)


def _after(act: Act, task: Task, kind: str, error: CallError) -> None:
    if error.may_have_happened and is_careful(task.step):
        _doubt(act, task, error)
    elif not error.transient or not _tries_left(task):
        _give_up(act, task, kind, str(error))
    else:
        _mark(task, DeliveryState.PENDING)
        again(act, task, _wait(task, error.retry_after))


def _mark(task: Task, state: DeliveryState) -> None:
    """A write that may have happened is none that did not, whatever became of later tries: it is
    undone with its case."""
    doubting.mark(task, DeliveryState.IN_DOUBT if doubting.may_have_happened(task) else state)


def _doubt(act: Act, task: Task, error: CallError) -> None:
    """Have the next try ask the system of record first, where it can; else ask a person."""
    if doubting.may_look(task, error) and _tries_left(task):
        doubting.mark(task, DeliveryState.IN_DOUBT)
        again(act, task, _wait(task, error.retry_after))
    else:
        doubting.ask(act, task, str(error))


def _record(
    act: Act,
    task: Task,
    given: Any,
    error: dict[str, Any],
    said: Mapping[str, Any],
    *,
    may_have_happened: bool,
) -> None:
    """``error`` may quote the other side: it stays in the attempt, out of the record. ``said``
    is what the try has cost.
    """
    if may_have_happened:
        error["may_have_happened"] = True
    attempt = Attempt.objects.create(
        task=task,
        number=task.attempts,
        actor=task.step.actor or act.definition.policy,
        input=given,
        error=error,
        started_at=began(task, act.now),
        finished_at=act.now,
        **spent_fields(said),
    )
    refs = {"task": task.pk, "attempt": attempt.pk}
    act.note("attempt.failed", refs, {"number": attempt.number, "kind": error["kind"]})


def _tries_left(task: Task) -> bool:
    """Each time a person had it tried again, the step's tries count anew."""
    rounds = 1 + task.incidents.filter(resolution="retried").count()
    return task.attempts < rounds * int(task.step.retry.get("attempts", ATTEMPTS))


def _wait(task: Task, retry_after: float | None) -> float:
    """Seconds until the next try: full jitter below an exponential bound, or as asked."""
    base = seconds(task.step.retry.get("base", BASE))
    cap = seconds(task.step.retry.get("cap", CAP))
    bound = min(cap, base * 2 ** min(task.attempts - 1, 20))
    wait = random.uniform(0, bound)  # noqa: S311 jitter
    return min(LONGEST_WAIT, max(wait, retry_after or 0))


def again(act: Act, task: Task, wait: float = 0) -> None:
    """Make a task ready, now or in so many seconds."""
    task.state, task.run_at = TaskState.READY, act.now + timedelta(seconds=wait)
    task.lease_expires_at = None
    counted = ("fence", "crashes", "proposal", "lane")
    task.save(update_fields=["state", "run_at", "lease_expires_at", *counted])
    if not wait:
        act.rings = True


def _give_up(act: Act, task: Task, kind: str, message: str) -> None:
    _mark(task, DeliveryState.FAILED)
    tried = f"tried {task.attempts} times" if task.attempts > 1 else "tried once"
    _end(act, task, kind, f"{task.step.name}: {message} ({tried})")


def _end(act: Act, task: Task, kind: str, message: str) -> None:
    """People look at it; or what was done is undone, where the step says so."""
    if task.step.retry.get("then") == "undo" and act.case.state == CaseState.OPEN:
        call_off(act, f"{task.step.name} was given up.")
    else:
        open_incident(act, task, kind, message)


def expire_leases(limit: int = BATCH) -> list[int]:
    """Take running tasks back whose lease is over; returns their ids.

    A task that lost its worker three times is quarantined: it may be what kills them.
    """
    rows = Task.objects.filter(state=TaskState.RUNNING, lease_expires_at__lt=ClockOnce())
    late = list(
        rows.order_by("lease_expires_at").values_list("id", "case_id")[: reach(_expire, limit)]
    )
    return [task_id for task_id, _ in swept(_expire, late)]


def _expire(task_id: int, case_id: int) -> bool:
    with acting(case_id) as act:
        task = locked_task(act, task_id)
        late = task.lease_expires_at is not None and task.lease_expires_at < act.now
        if task.state != TaskState.RUNNING or not late:
            return False
        task.fence += 1
        task.crashes += 1
        task.save(update_fields=["fence", "crashes"])
        if task.proposal is None:
            told = {"kind": "lost", "message": LOST}
            _record(act, task, None, told, {}, may_have_happened=doubting.is_sent(task.pk))
        else:
            # The output came along: there is an attempt already, and only its judge was lost.
            act.note("attempt.lost", {"task": task.pk}, {"fence": task.fence - 1})
        _without_worker(act, task)
        return True


def _without_worker(act: Act, task: Task) -> None:
    if is_careful(task.step) and doubting.is_sent(task.pk):
        if doubting.verifies(task.step) and task.crashes < MOST_CRASHES:
            again(act, task)
        else:
            doubting.ask(act, task, LOST)
    elif task.crashes >= MOST_CRASHES:
        message = f"{task.step.name} lost its worker {task.crashes} times."
        _end(act, task, "quarantine", message)
    else:
        again(act, task)
