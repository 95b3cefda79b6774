"""The lease on a machine task: who holds it, under which fence, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from orchestrator.models import Step, Task

GRACE: Final = 30
"""Seconds that a lease lasts beyond the time-out of its step."""


@dataclass(frozen=True, slots=True)
class Work:
    """A claimed task. ``handed_in``: the output came along with the case."""

    task_id: int
    case_id: int
    step_key: str
    fence: int
    attempt: int
    effect_key: str
    handed_in: bool = False


def lease_of(step: Step) -> timedelta:
    return timedelta(seconds=step.timeout + GRACE)


def began(task: Task, now: datetime) -> datetime:
    """When the try of a running task began; when it was last asked for longer, if it was."""
    assert task.lease_expires_at is not None, "what runs has a lease"  # noqa: S101
    return min(now, task.lease_expires_at - lease_of(task.step))
