"""Work whose worker is gone goes back into the queue."""

from __future__ import annotations

from django.db import connection

BATCH = 500

# Skip locked: a worker that is just handing in its result holds the row and is not late.
# Fence + 1: whatever the old worker still sends is refused.
EXPIRE = """
UPDATE orchestrator_task SET state = 'ready', run_at = clock_timestamp(),
    lease_expires_at = NULL, fence = fence + 1, crashes = crashes + 1
WHERE id IN (
    SELECT id FROM orchestrator_task
    WHERE state = 'running' AND lease_expires_at < clock_timestamp()
    ORDER BY lease_expires_at LIMIT %s FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


def expire_leases() -> list[int]:
    """Make running tasks ready again whose lease is over; returns their ids, at most 500."""
    with connection.cursor() as cursor:
        cursor.execute(EXPIRE, [BATCH])
        return [row[0] for row in cursor.fetchall()]
