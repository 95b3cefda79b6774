"""Which machine work may begin now: each connection is a lane, and one that is full or paused
holds up nobody but those who wait for it.

Lanes above 0 are connections, those below 0 steps whose work outsiders fetch; without a lane is
what a worker does by itself. However many tasks wait in a lane, looking past it costs the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import connection

from orchestrator.engine.leasing import GRACE, Work

# Claims under way lock one row each for a moment: more of a lane than that is seldom in the way.
# Written into the statement: a plan that does not know the limit sorts the whole lane.
REACH: Final = (4, 64)

# A lane has no more calls under way than its bulkhead, and never all workers: one is left to the
# others. How many there are is not known where none has enrolled.
ROOM: Final = """
LEAST(bulkhead, COALESCE((
    SELECT GREATEST(1, sum((histogram->>'functions')::int) - 1) FROM orchestrator_counter
    WHERE scope = 'node' AND count > extract(epoch FROM clock_timestamp()) * 1000 - 60000
    HAVING count(*) > 0
), bulkhead))
"""
ENROLL: Final = """
INSERT INTO orchestrator_counter (scope, measure, hour, count, histogram)
VALUES ('node', %s, 'epoch', extract(epoch FROM clock_timestamp()) * 1000, %s)
ON CONFLICT (scope, measure, hour)
DO UPDATE SET count = excluded.count, histogram = excluded.histogram
"""

# One step down the index for each lane that has ready work, however much.
LANES: Final = """
lane AS (
    (SELECT lane FROM orchestrator_task WHERE state = 'ready' AND lane {side} ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (
        SELECT t.lane FROM orchestrator_task t WHERE t.state = 'ready' AND t.lane > lane.lane
            AND t.lane {side} ORDER BY t.lane LIMIT 1
    ) FROM lane WHERE lane.lane IS NOT NULL
)
"""

# The clock stands in a query of its own, for an index looks a volatile value up never.
# Of the lanes whose turn it may be, those with the fewest calls under way come first.
CANDIDATES: Final = f"""
WITH RECURSIVE {LANES.format(side="> 0")}, free AS MATERIALIZED (
    SELECT c.id AS lane, busy.calls FROM lane JOIN (
        SELECT id, breaker, breaker_until, {ROOM} AS room FROM orchestrator_connection
    ) AS c ON c.id = lane.lane
    CROSS JOIN LATERAL (SELECT count(*) AS calls FROM (
        SELECT FROM orchestrator_task r WHERE r.state = 'running' AND r.lane = c.id LIMIT c.room
    ) AS few) AS busy
    WHERE busy.calls < c.room
        AND (c.breaker = 'closed' OR COALESCE(c.breaker_until <= clock_timestamp(), true))
), candidate AS MATERIALIZED (
    SELECT first.id, free.calls, first.run_at FROM free CROSS JOIN LATERAL (
        SELECT t.id, t.run_at FROM orchestrator_task t
        WHERE t.state = 'ready' AND t.lane = free.lane
            AND t.run_at <= (SELECT clock_timestamp())
        ORDER BY t.run_at, t.id LIMIT {{reach}}
    ) AS first
    UNION ALL (
        SELECT id, 0, run_at FROM orchestrator_task
        WHERE state = 'ready' AND lane IS NULL AND run_at <= (SELECT clock_timestamp())
        ORDER BY lane, run_at, id LIMIT {{reach}}
    )
)
"""  # noqa: S608 constants

ANY: Final = f"{CANDIDATES} SELECT EXISTS (SELECT FROM candidate)"  # noqa: S608 constants

# Skip locked: several workers ask at once and each gets another row. The state is looked at once
# more when the row is locked; written so that no plan takes the index of all ready tasks for it.
CLAIM: Final = f"""
{CANDIDATES}, chosen AS MATERIALIZED (
    SELECT t.id FROM candidate c JOIN orchestrator_task t ON t.id = c.id
    WHERE t.state || '' = 'ready' AND t.run_at <= clock_timestamp()
    ORDER BY c.calls, c.run_at, t.id LIMIT 1 FOR UPDATE OF t SKIP LOCKED
), taken AS (
    UPDATE orchestrator_task AS t SET state = 'running', fence = t.fence + 1,
        attempts = t.attempts + 1,
        lease_expires_at = clock_timestamp() + make_interval(secs => s.timeout + %(grace)s)
    FROM chosen, orchestrator_step s WHERE s.id = t.step_id AND t.id = chosen.id
    RETURNING t.id, t.case_id, t.step_key, t.fence, t.attempts, t.effect_key,
        t.proposal IS NOT NULL
)
SELECT few.found, taken.* FROM (SELECT EXISTS (SELECT FROM candidate) AS found) AS few
LEFT JOIN taken ON true
"""  # noqa: S608 constants

GIVE_BACK: Final = """
UPDATE orchestrator_task SET state = 'ready', lease_expires_at = NULL, attempts = attempts - 1
WHERE id = %s AND fence = %s AND state = 'running'
"""

OUTSIDE: Final = f"""
WITH RECURSIVE {LANES.format(side="< 0")}
SELECT lane.lane, s.kind, s.key, v.workflow_id FROM lane
JOIN orchestrator_step s ON s.id = -lane.lane
JOIN orchestrator_workflowversion v ON v.id = s.version_id
WHERE EXISTS (
    SELECT FROM orchestrator_task t WHERE t.state = 'ready' AND t.lane = lane.lane
        AND t.run_at <= (SELECT clock_timestamp())
)
"""  # noqa: S608 constants

FETCH: Final = """
WITH candidate AS MATERIALIZED (
    SELECT first.id FROM unnest(%(lanes)s::bigint[]) AS l (lane) CROSS JOIN LATERAL (
        SELECT t.id, t.run_at FROM orchestrator_task t
        WHERE t.state = 'ready' AND t.lane = l.lane AND t.run_at <= (SELECT clock_timestamp())
        ORDER BY t.run_at, t.id LIMIT {reach}
    ) AS first
), chosen AS MATERIALIZED (
    SELECT t.id FROM candidate c JOIN orchestrator_task t ON t.id = c.id
    WHERE t.state || '' = 'ready' AND t.run_at <= clock_timestamp()
    ORDER BY t.run_at, t.id LIMIT %(most)s FOR UPDATE OF t SKIP LOCKED
)
UPDATE orchestrator_task AS t SET state = 'running', fence = t.fence + 1,
    attempts = t.attempts + 1,
    lease_expires_at = clock_timestamp() + make_interval(secs => s.timeout + %(grace)s)
FROM chosen, orchestrator_step s WHERE s.id = t.step_id AND t.id = chosen.id
RETURNING t.id, t.case_id, t.step_key, t.fence, t.attempts, t.effect_key, false,
    t.lease_expires_at
"""


class Place(NamedTuple):
    """A lane of outsiders with work that is due, and the step that it is."""

    lane: int
    kind: str
    step_key: str
    workflow_id: int


class Fetched(NamedTuple):
    """Work that an outsider holds until ``deadline``."""

    work: Work
    deadline: datetime


def claim_work() -> Work | None:
    """A machine task that is due in a lane with room, leased to the caller; or None.

    First from lanes with the fewest calls under way, in each what has been ready for longest.
    """
    for reach in REACH:
        found, *row = _row(CLAIM, reach, {"grace": GRACE})
        if row[0] is not None:
            return Work(*row)
        if not found:
            return None
    return None


def is_work_ready() -> bool:
    """Whether a machine task waits that a worker may begin right now."""
    return bool(_row(ANY, 1, {})[0])


def enroll(node: str, functions: int) -> None:
    """Tell the others that so many functions of a machine perform steps, for the next minute."""
    with connection.cursor() as cursor:
        cursor.execute(ENROLL, [node, json.dumps({"functions": functions})])


def give_back(work: Work) -> None:
    """Leave a claimed task to a later moment; this was no try."""
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, [work.task_id, work.fence])


def outside() -> list[Place]:
    """Where work waits for outsiders to fetch it."""
    with connection.cursor() as cursor:
        cursor.execute(OUTSIDE)
        return [Place(*row) for row in cursor.fetchall()]


def fetch_work(lanes: Sequence[int], most: int) -> list[Fetched]:
    """At most so many due tasks of these lanes, leased to the caller, the oldest first."""
    sql = FETCH.replace("{reach}", str(most + REACH[-1]))
    with connection.cursor() as cursor:
        cursor.execute(sql, {"lanes": list(lanes), "most": most, "grace": GRACE})
        rows = sorted(cursor.fetchall())
    return [Fetched(Work(*row), deadline) for *row, deadline in rows]


def _row(sql: str, reach: int, values: dict[str, Any]) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql.replace("{reach}", str(reach)), values)
        row: tuple[Any, ...] = cursor.fetchone()
    return row
