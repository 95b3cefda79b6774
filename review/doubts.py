"""A write that may have happened, as whoever reconciles it sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.models import Delivery, Seat, Task
from orchestrator.pages import error_text


@dataclass(frozen=True, slots=True)
class Doubt:
    """What was sent, when and over what, and why nobody knows what came of it.

    ``answer`` is what the system of record had when somebody last looked; None for nothing.
    """

    connection: str
    key: str
    request: Any
    sent_at: datetime | None
    tries: int
    error: str
    answer: Any
    can_look: bool

    def as_json(self) -> dict[str, Any]:
        """The same as the API tells it."""
        return {
            "connection": self.connection,
            "idempotency_key": self.key,
            "sent": self.request,
            "sent_at": self.sent_at,
            "error": self.error,
            "answer": self.answer,
        }


def doubt_of(seat: Seat) -> Doubt | None:
    """What is in doubt on this seat; None where it reconciles nothing. Queries twice."""
    if seat.purpose != "reconcile":
        return None
    sent = Delivery.objects.filter(task=seat.task_id).select_related("connection").first()
    if sent is None:
        return None
    return Doubt(
        connection=sent.connection.name,
        key=sent.key,
        request=sent.request,
        sent_at=sent.sent_at,
        tries=seat.task.attempts,
        error=failure_of(seat.task),
        answer=sent.response,
        can_look=bool(seat.task.step.call.get("verify")),
    )


def failure_of(task: Task) -> str:
    """What the last try of a task's machine said; "" where none failed. One query."""
    failed = task.tries.filter(error__isnull=False).order_by("-number").first()
    return error_text(failed.error) if failed else ""
