"""What a reviewer has just done, and how long it can be undone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from orchestrator.models import Actor, Decision, Task


@dataclass(frozen=True, slots=True)
class Done:
    """What templates/components/toast.html tells."""

    word: str
    case_key: str
    task_id: int
    decision_id: int
    until: datetime

    @property
    def seconds(self) -> int:
        """Whole seconds in which undo is still open."""
        left = (self.until - timezone.now()).total_seconds()
        return max(0, int(left))


def done_of(decision: Decision, task: Task, settle_at: datetime | None) -> Done:
    """One's decision, with the end of its undo window: the task's, else the decision's own."""
    until = settle_at or decision.created_at + timedelta(seconds=task.step.undo_seconds)
    return Done(decision.word, task.case.key, task.pk, decision.pk, until)


def latest_done(decision_id: int, actor: Actor) -> Done | None:
    """What a page tells after a redirect: one's own decision while it can be undone."""
    decision = (
        Decision.objects.filter(pk=decision_id, actor=actor, filled__isnull=False)
        .select_related("task__case", "task__step")
        .first()
    )
    if decision is None:
        return None
    done = done_of(decision, decision.task, decision.task.settle_at)
    return done if done.seconds else None
