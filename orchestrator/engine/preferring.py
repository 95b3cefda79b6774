"""Who sent a case back from a step, and sees first what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db.models import QuerySet

from orchestrator import authority
from orchestrator.engine.acts import Act
from orchestrator.engine.clocks import keep_for
from orchestrator.models import ActorKind, Decision, DecisionRight, Seat, Task

SENT_BACK: Final = "sent_back"
"""Where a decision's proof says to which step it sent the case back, and with what words."""


def sendings_back(task: Task) -> QuerySet[Decision]:
    """The decisions that sent the case back from a task's step, in its branch, and stand."""
    return Decision.objects.filter(
        task__case=task.case_id,
        task__step_key=task.step_key,
        task__scope=task.scope,
        proof__has_key=SENT_BACK,
        filled__isnull=False,
    )


def prefer_sender(act: Act, task: Task, right: DecisionRight, seats: Sequence[Seat]) -> None:
    """Keep one of the seats, saved, for who last sent the case back from this step in this
    branch, for a while and where they may still decide it."""
    back = sendings_back(task).select_related("actor__user")
    last = back.order_by("-id").first()
    if last is None or last.actor.kind != ActorKind.HUMAN:
        return
    for seat in seats:
        if authority.may(last.actor, "decide", seat).allowed:
            keep_for(act, seat, right, last.actor)
            return
