"""The conservation law: every open case has an open task, every open task one reason to be open.

What is open is walked in slices, by indexes that hold nothing else: however much is over costs
nothing, and no statement takes long. A walk may pause anywhere. A reason that is long overdue is
none: what should have come of it breaks each time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import connection

MOST: Final = 1000
"""Orphans of a slice that are named, at most."""

SLICE: Final = 10_000
SECONDS: Final = 2.0

LATE: Final = timedelta(hours=1)
"""So long after its time nothing is about to happen to a row any more: each sweep breaks on it."""

UNPERFORMED: Final = timedelta(days=1)
"""So long after its time nobody performs a task: no worker fetches it, or its system is down."""

NEXT: Final = {"case": "task", "task": "timer", "timer": ""}

ENDS: Final = {
    "case": """
        SELECT max(id) FROM (
            SELECT id FROM orchestrator_case WHERE state IN ('open', 'cancelling')
            AND id > %(after)s ORDER BY id LIMIT %(slice)s
        ) AS few
    """,
    "task": """
        SELECT max(id) FROM (
            SELECT id FROM orchestrator_task WHERE state NOT IN ('completed', 'cancelled')
            AND id > %(after)s ORDER BY id LIMIT %(slice)s
        ) AS few
    """,
    # OFFSET 0: found by their time, not along all ids there are.
    "timer": """
        SELECT max(id) FROM (
            SELECT id FROM (
                SELECT id FROM orchestrator_timer
                WHERE fired_at IS NULL AND due_at < (SELECT clock_timestamp() - %(late)s) OFFSET 0
            ) AS late WHERE id > %(after)s ORDER BY id LIMIT %(slice)s
        ) AS few
    """,
}

# Scalar queries, which no plan turns into a join with all cases there are: a slice is small.
CASES: Final = """
SELECT 'case without a task', c.id, NULL::bigint FROM orchestrator_case c
WHERE c.state IN ('open', 'cancelling') AND c.id > %(after)s AND c.id <= %(until)s AND (
    SELECT t.id FROM orchestrator_task t WHERE t.case_id = c.id
    AND t.state NOT IN ('completed', 'cancelled') LIMIT 1
) IS NULL
LIMIT %(most)s
"""

# An incident is somebody's: who took it on, else who owns the workflow or answers for its version.
TASKS: Final = """
SELECT * FROM (
    SELECT CASE
        WHEN t.is_over THEN 'task of a closed case'
        WHEN NOT CASE t.state
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
        END THEN t.state || ' without a reason'
        WHEN CASE t.state
            WHEN 'ready' THEN t.run_at < (SELECT clock_timestamp() - %(unperformed)s)
            WHEN 'running' THEN t.lease_expires_at < (SELECT clock_timestamp() - %(late)s)
            WHEN 'in_review' THEN EXISTS (
                SELECT 1 FROM orchestrator_seat s WHERE s.task_id = t.id AND s.state = 'open'
                AND s.round = t.round
                AND LEAST(s.due_at, s.back_at) < (SELECT clock_timestamp() - %(late)s)
                AND COALESCE(s.claim_expires_at, '-infinity')
                    < (SELECT clock_timestamp() - %(late)s))
            WHEN 'decided' THEN t.settle_at < (SELECT clock_timestamp() - %(late)s)
        END THEN t.state || ' long overdue'
        WHEN t.state = 'failed' AND NOT EXISTS (
            SELECT 1 FROM orchestrator_incident i
            JOIN orchestrator_case c ON c.id = t.case_id
            JOIN orchestrator_workflow w ON w.id = c.workflow_id
            JOIN orchestrator_workflowversion v ON v.id = c.version_id
            LEFT JOIN orchestrator_actor a ON a.id = i.assigned_to_id
            JOIN auth_user u ON u.id IN (a.user_id, w.owner_id, v.accountable_id)
            WHERE i.task_id = t.id AND i.state = 'open' AND u.is_active
        ) THEN 'failed without anybody responsible'
        END AS kind, t.case_id, t.id
    FROM (
        SELECT *, (SELECT c.state IN ('completed', 'cancelled') FROM orchestrator_case c
            WHERE c.id = case_id) AS is_over
        FROM orchestrator_task
        WHERE state NOT IN ('completed', 'cancelled') AND id > %(after)s AND id <= %(until)s
    ) AS t
) AS found
WHERE kind IS NOT NULL
LIMIT %(most)s
"""

# Also those of tasks that are over: what a cancelled step called is called off by one.
TIMERS: Final = """
SELECT 'timer long overdue', t.case_id, t.id
FROM (
    SELECT id, task_id, seat_id FROM orchestrator_timer
    WHERE fired_at IS NULL AND due_at < (SELECT clock_timestamp() - %(late)s) OFFSET 0
) AS r
LEFT JOIN orchestrator_seat s ON s.id = r.seat_id
JOIN orchestrator_task t ON t.id = COALESCE(r.task_id, s.task_id)
WHERE r.id > %(after)s AND r.id <= %(until)s
LIMIT %(most)s
"""

WALKED: Final = {"case": CASES, "task": TASKS, "timer": TIMERS}


@dataclass(frozen=True, slots=True)
class Orphan:
    """A case or task that nothing will ever move again."""

    kind: str
    case_id: int
    task_id: int | None


@dataclass(slots=True)
class Walk:
    """A walk over all that is open: how far it is, and how many orphans it met on the way.

    ``last`` is how many the walk before met, None before the first has come to its end.
    """

    place: str = "case"
    after: int = 0
    met: int = 0
    last: int | None = None

    @property
    def count(self) -> int:
        """The orphans there are, as far as is known."""
        return max(self.met, self.last or 0)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def walk_on(before: Mapping[str, Any], seconds: float = SECONDS) -> Walk:
    """Go on with a walk for so long, at most to its end; ``before`` is one ``as_json``, or empty.

    From its end the next one begins.
    """
    walk, end = Walk(**before), time.monotonic() + seconds
    while True:
        walk.met += len(_step(walk))
        if not walk.place:
            return Walk(last=walk.met)
        if time.monotonic() >= end:
            return walk


def orphans() -> list[Orphan]:
    """What fell between the cracks, at most 1,000 of each slice; empty is the law."""
    walk, found = Walk(), []
    while walk.place:
        found += _step(walk)
    return found


def _step(walk: Walk) -> list[Orphan]:
    """Look at the next slice; the place is empty after the last."""
    bounds = {"after": walk.after, "slice": SLICE, "most": MOST}
    values: dict[str, Any] = bounds | {"late": LATE, "unperformed": UNPERFORMED}
    with connection.cursor() as cursor:
        cursor.execute(ENDS[walk.place], values)
        until = cursor.fetchone()[0]
        if until is None:
            walk.place, walk.after = NEXT[walk.place], 0
            return []
        cursor.execute(WALKED[walk.place], values | {"until": until})
        walk.after = until
        return [Orphan(*row) for row in cursor.fetchall()]
