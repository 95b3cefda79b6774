"""The ends: of a case, and of a task that is not needed any more."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from orchestrator.engine.acts import Act
from orchestrator.engine.incidents import close, withdraw_seats
from orchestrator.models import CaseState, Incident, StepKind, Task, TaskState, Timer

OPEN: Final = frozenset(TaskState) - {TaskState.COMPLETED, TaskState.CANCELLED}
CALLED: Final = "called"
"""Timer of a subflow's task: the case that it called has ended."""

CALL_OFF: Final = "call_off"
"""Timer of a cancelled subflow's task: the case that it called is to end."""


def close_case(act: Act, state: CaseState, outcome: str, **payload: Any) -> None:
    """End the case; saved with its chain. Who called it learns of it by a timer."""
    act.case.state, act.case.outcome, act.case.completed_at = state, outcome, act.now
    act.changed |= {"state", "outcome", "completed_at"}
    act.note(f"case.{state}", {"case": act.case.pk}, {"outcome": outcome, **payload})
    if act.case.caller_id:
        # A row of another case: only added, for its own lock comes first.
        set_timer(act.case.caller_id, CALLED, act.now)
        act.rings = True


def cancel_task(act: Act, task: Task) -> None:
    """Fence + 1: what a worker still hands in changes nothing."""
    task.state, task.fence, task.finished_at = TaskState.CANCELLED, task.fence + 1, act.now
    task.lease_expires_at = task.settle_at = None
    task.save(update_fields=["state", "fence", "finished_at", "lease_expires_at", "settle_at"])
    withdraw_seats(act, task)
    if act.handed is not None and act.handed.task_id == task.pk:
        act.handed = None
    for incident in Incident.objects.select_for_update(no_key=True).filter(task=task, state="open"):
        close(act, incident, "cancelled")
    if task.step.kind == StepKind.SUBFLOW:
        set_timer(task.pk, CALL_OFF, act.now)


def set_timer(task_id: int, kind: str, due_at: datetime) -> None:
    """A moment at which something is due for a task; setting it again takes a slot of its own."""
    slot = Timer.objects.filter(task_id=task_id, kind=kind).count()
    Timer.objects.create(task_id=task_id, kind=kind, slot=slot, due_at=due_at)
