"""How much one actor may bring in a day, counted exactly, also when many bring at once."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.db import connection

from orchestrator.exceptions import QuotaUsed

# One row an actor, for the day that is under way in UTC. Whoever else brings for the same actor
# waits for it: two at once would both see what is left.
SPEND: Final = """
INSERT INTO orchestrator_counter AS c (scope, measure, hour, count, histogram)
VALUES ('uploads', %(actor)s, 'epoch', %(size)s,
    jsonb_build_object('day', floor(extract(epoch FROM clock_timestamp()) / 86400)))
ON CONFLICT (scope, measure, hour) DO UPDATE SET
    count = EXCLUDED.count + CASE WHEN c.histogram = EXCLUDED.histogram THEN c.count ELSE 0 END,
    histogram = EXCLUDED.histogram
RETURNING count
"""


def spend(actor_id: int, size: int) -> None:
    """Count so many bytes for an actor. Raises QuotaUsed, and the transaction has to end."""
    most = settings.ATTACHMENT_BYTES_A_DAY
    if not most:
        return
    with connection.cursor() as cursor:
        cursor.execute(SPEND, {"actor": str(actor_id), "size": size})
        if cursor.fetchone()[0] > most:
            raise QuotaUsed
