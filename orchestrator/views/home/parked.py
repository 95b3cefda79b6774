"""What waits for time, for a signal or for another case: step by step, and near its deadline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection
from django.urls import reverse
from django.utils import timezone

from orchestrator.engine.signals import DEADLINE
from orchestrator.models import Timer, Workflow

MOST: Final = 500
"""Open cases of one workflow that are looked at; where there are more, the counts are of these."""
SHOWN: Final = 10
LOOKED: Final = 2000
"""Timers, first due first, among which waits for signals are looked for."""
NEAR: Final = timedelta(days=1)

# Along the partial index of open cases, then by case into its few tasks. Joins wait for
# branches that are there themselves.
PARKED: Final = """
WITH few AS (
    SELECT c.id, w.id AS workflow_id FROM unnest(%(workflows)s::bigint[]) AS w (id)
    CROSS JOIN LATERAL (
        SELECT id FROM orchestrator_case
        WHERE workflow_id = w.id AND state IN ('open', 'cancelling') LIMIT %(most)s
    ) AS c
)
SELECT few.workflow_id, t.step_key, min(s.name), min(s.kind), count(DISTINCT t.id),
    min(t.created_at), count(DISTINCT t.id) FILTER (WHERE r.due_at < now())
FROM few JOIN orchestrator_task t ON t.case_id = few.id AND t.state = 'waiting'
JOIN orchestrator_step s ON s.id = t.step_id AND s.kind IN ('timer', 'event', 'subflow')
LEFT JOIN orchestrator_timer r ON r.task_id = t.id AND r.fired_at IS NULL
GROUP BY few.workflow_id, t.step_key
ORDER BY 7 DESC, 6
"""


@dataclass(frozen=True, slots=True)
class Parked:
    """Waiting tasks of one step: how many, since when the oldest, how many are past their time."""

    url: str
    workflow: str
    step: str
    kind: str
    count: int
    more: bool
    since: datetime
    late: int


@dataclass(frozen=True, slots=True)
class Deadline:
    """A wait for a signal that ends soon."""

    url: str
    case_key: str
    step_name: str
    signal: str
    due_at: datetime
    late: bool


def parked_in(places: Mapping[int, Workflow]) -> list[Parked]:
    """Late ones first, then by age. One query."""
    with connection.cursor() as cursor:
        cursor.execute(PARKED, {"workflows": list(places), "most": MOST})
        rows = cursor.fetchall()
    return [_parked(places[row[0]], *row[1:]) for row in rows]


def _parked(place: Workflow, key: str, name: str, kind: str, *figures: Any) -> Parked:
    count, since, late = figures
    return Parked(
        url=reverse("cases", query={"what": "parked", "workflow": place.slug, "step": key}),
        workflow=place.name,
        step=name,
        kind=kind,
        count=count,
        more=count >= MOST,
        since=since,
        late=late,
    )


def deadlines_in(places: Mapping[int, Workflow]) -> list[Deadline]:
    """Waits for signals in these workflows that end within a day, first due first. One query."""
    near = Timer.objects.filter(fired_at=None, due_at__lt=timezone.now() + NEAR)
    first = near.order_by("due_at", "pk").values("pk")[:LOOKED]
    rows = Timer.objects.filter(
        pk__in=first, kind=DEADLINE, task__state="waiting", task__case__workflow__in=list(places)
    )
    along = rows.select_related("task__case", "task__step").order_by("due_at", "pk")
    return [
        Deadline(
            url=reverse("case", args=[timer.task.case_id]),
            case_key=timer.task.case.key,
            step_name=timer.task.step.name,
            signal=str(timer.task.step.flow.get("signal", "")),
            due_at=timer.due_at,
            late=timer.due_at < timezone.now(),
        )
        for timer in along[:SHOWN]
        if timer.task
    ]
