"""How the steps of a workflow did lately: read from its newest verdicts, so always bounded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

MOST: Final = 500
"""Verdicts of one workflow that are looked at, the newest."""
DAYS: Final = 7

# For each workflow a short walk back along the index of its verdicts.
NEWEST: Final = """
FROM unnest(%(workflows)s::bigint[]) AS w (id) CROSS JOIN LATERAL (
    SELECT decision_id, source, created_at FROM orchestrator_verdict
    WHERE workflow_id = w.id ORDER BY id DESC LIMIT %(most)s
) AS v JOIN orchestrator_decision d ON d.id = v.decision_id
"""
PACE: Final = """
SELECT w.id, t.step_key, count(*), count(*) FILTER (WHERE v.source = 'review'),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM d.created_at - s.created_at)),
    percentile_cont(0.5) WITHIN GROUP (ORDER BY d.seconds)
{newest}
JOIN orchestrator_task t ON t.id = d.task_id LEFT JOIN orchestrator_seat s ON s.id = d.seat_id
WHERE v.source IN ('auto', 'review') AND v.created_at > now() - make_interval(days => %(days)s)
GROUP BY w.id, t.step_key
"""
DECIDERS: Final = """
SELECT d.actor_id, count(*) {newest}
WHERE v.source = 'review' AND v.created_at >= %(since)s GROUP BY d.actor_id
"""


@dataclass(frozen=True, slots=True)
class Pace:
    """What was decided at a step: how much of it by people, and their median seconds.

    ``waited`` is from the opened seat to the decision, ``looked`` on the screen; None where
    people decided nothing, or nobody said how long they looked.
    """

    decided: int
    by_people: int
    waited: float | None
    looked: float | None


def paces(workflows: Sequence[int]) -> Mapping[int, Mapping[str, Pace]]:
    """Workflow -> step -> its pace, of the newest settled decisions. One query."""
    found: dict[int, dict[str, Pace]] = defaultdict(dict)
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"workflows": list(workflows), "most": MOST, "days": DAYS}
        cursor.execute(PACE.format(newest=NEWEST), asked)
        for workflow, step_key, *figures in cursor.fetchall():
            found[workflow][step_key] = Pace(*figures)
    return found


def deciders(workflows: Sequence[int], since: datetime) -> dict[int, int]:
    """Actor -> settled decisions since then, of the newest of each workflow. One query."""
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"workflows": list(workflows), "most": MOST, "since": since}
        cursor.execute(DECIDERS.format(newest=NEWEST), asked)
        return dict(cursor.fetchall())
