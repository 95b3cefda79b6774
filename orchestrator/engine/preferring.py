"""Who sent a case back sees first what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator import authority
from orchestrator.engine.acts import Act
from orchestrator.engine.clocks import keep_for
from orchestrator.models import ActorKind, Decision, DecisionRight, Seat, Task


def prefer_sender(act: Act, task: Task, right: DecisionRight, seats: Sequence[Seat]) -> None:
    """Keep one of the seats, saved, for who last sent the case back from this step in this
    branch, for a while and where they may still decide it."""
    back = Decision.objects.filter(
        task__case=act.case,
        task__step_key=task.step_key,
        task__scope=task.scope,
        proof__has_key="sent_back",
    )
    last = back.select_related("actor__user").order_by("-id").first()
    if last is None or last.actor.kind != ActorKind.HUMAN:
        return
    for seat in seats:
        if authority.may(last.actor, "decide", seat).allowed:
            keep_for(act, seat, right, last.actor)
            return
