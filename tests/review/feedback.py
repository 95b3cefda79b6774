"""What the tests of feedback share."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.utils import timezone

from orchestrator import engine
from orchestrator.models import Task, TaskState
from review.feedback import Outgoing, Query


def settle_now() -> None:
    """Let the undo window of every decided task be over."""
    decided = Task.objects.filter(state=TaskState.DECIDED)
    decided.update(settle_at=timezone.now() - timedelta(seconds=1))
    engine.settle_due()


def exported(**asked: str) -> list[dict[str, Any]]:
    """The rows of a query, read back from JSON Lines."""
    export = Outgoing("jsonl", Query.parse({"workflow": "expenses"} | asked, None))
    return [json.loads(line) for line in b"".join(export).splitlines()]
