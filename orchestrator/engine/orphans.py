"""The conservation law: every open case has an open task, every open task one reason to be open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db import connection

MOST: Final = 1000

CASES: Final = """
SELECT 'case without a task', c.id, NULL::bigint FROM orchestrator_case c
WHERE c.state IN ('open', 'cancelling') AND NOT EXISTS (
    SELECT 1 FROM orchestrator_task t WHERE t.case_id = c.id
    AND t.state NOT IN ('completed', 'cancelled')
)
LIMIT %(most)s
"""

TASKS: Final = """
SELECT CASE WHEN c.state IN ('completed', 'cancelled') THEN 'task of a closed case'
    ELSE t.state || ' without a reason' END, t.case_id, t.id
FROM orchestrator_task t JOIN orchestrator_case c ON c.id = t.case_id
WHERE t.state NOT IN ('completed', 'cancelled') AND (
    c.state IN ('completed', 'cancelled')
    OR NOT CASE t.state
        WHEN 'ready' THEN t.run_at IS NOT NULL
        WHEN 'running' THEN t.lease_expires_at IS NOT NULL
        WHEN 'in_review' THEN EXISTS (
            SELECT 1 FROM orchestrator_seat s WHERE s.task_id = t.id AND s.state = 'open'
            AND s.round = t.round)
        WHEN 'decided' THEN t.settle_at IS NOT NULL
        WHEN 'failed' THEN EXISTS (
            SELECT 1 FROM orchestrator_incident i WHERE i.task_id = t.id AND i.state = 'open')
        WHEN 'waiting' THEN EXISTS (
            SELECT 1 FROM orchestrator_timer r WHERE r.task_id = t.id AND r.fired_at IS NULL)
            OR EXISTS (SELECT 1 FROM orchestrator_task k WHERE k.parent_id = t.id
                AND k.state NOT IN ('completed', 'cancelled'))
            OR EXISTS (SELECT 1 FROM orchestrator_case d WHERE d.caller_id = t.id
                AND d.state IN ('open', 'cancelling'))
    END
)
LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Orphan:
    """A case or task that nothing will ever move again."""

    kind: str
    case_id: int
    task_id: int | None


def orphans() -> list[Orphan]:
    """What fell between the cracks, at most 1,000 of each kind; empty is the law."""
    found = []
    with connection.cursor() as cursor:
        for query in (CASES, TASKS):
            cursor.execute(query, {"most": MOST})
            found += [Orphan(*row) for row in cursor.fetchall()]
    return found
