"""End a case before its end."""

from __future__ import annotations

from orchestrator import authority
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.finishing import close_case
from orchestrator.engine.incidents import close, reason_given, withdraw_seats
from orchestrator.exceptions import CaseClosed
from orchestrator.models import Actor, Case, CaseState, Incident, Task, TaskState

OPEN_TASKS = frozenset(TaskState) - {TaskState.COMPLETED, TaskState.CANCELLED}


def cancel_case(case_id: int, *, actor: Actor, reason: str) -> Case:
    """Stop everything that is open in a case. What was already done outside stays done.

    Raises NotFound, NotAllowed, Invalid without a reason, and CaseClosed.
    """
    reason = reason_given(reason)
    with acting(case_id, actor) as act:
        authority.require(actor, "cancel", act.case)
        if act.case.state != CaseState.OPEN:
            raise CaseClosed
        for task_id in _open(act):
            _cancel(act, locked_task(act, task_id))
        act.case.state = CaseState.CANCELLING
        act.case.save(update_fields=["state"])
        close_case(act, CaseState.CANCELLED, "cancelled", reason=reason)
    return act.case


def _open(act: Act) -> list[int]:
    rows = Task.objects.filter(case=act.case, state__in=OPEN_TASKS).order_by("id")
    return list(rows.values_list("id", flat=True))


def _cancel(act: Act, task: Task) -> None:
    """Fence + 1: what a worker still hands in changes nothing."""
    task.state, task.fence, task.finished_at = TaskState.CANCELLED, task.fence + 1, act.now
    task.lease_expires_at = task.settle_at = None
    task.save(update_fields=["state", "fence", "finished_at", "lease_expires_at", "settle_at"])
    withdraw_seats(act, task)
    for incident in Incident.objects.select_for_update(no_key=True).filter(task=task, state="open"):
        close(act, incident, "cancelled")
