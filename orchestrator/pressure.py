"""How much machine work waits, and the door that closes before it is too much.

A job counts every few seconds and writes the number down; whoever brings work reads it. Where
nobody has counted for a while nobody is turned away.
"""

from __future__ import annotations

import time
from typing import Final

from django.conf import settings
from django.db import connection

from orchestrator import lifesigns
from orchestrator.exceptions import Overloaded

BACKLOG: Final = "backlog"
SECONDS_KNOWN: Final = 1.0
"""For so long a process trusts what it read."""

# No further than the limit: beyond it the number makes no difference.
COUNT: Final = """
SELECT count(*) FROM (
    SELECT FROM orchestrator_task
    WHERE state = 'ready' AND run_at <= (SELECT clock_timestamp()) LIMIT %s
) AS few
"""
READ: Final = """
SELECT (histogram->>'waiting')::bigint FROM orchestrator_counter
WHERE scope = 'process' AND measure = %s
    AND extract(epoch FROM clock_timestamp()) - count / 1000.0 < %s
"""

_read: dict[str, float] = {}


def measure() -> int:
    """Count the due machine tasks, up to the limit, and write the number down."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, [settings.MOST_WAITING])
        waiting = int(cursor.fetchone()[0])
    lifesigns.report(BACKLOG, {"waiting": waiting})
    return waiting


def waiting() -> int:
    """The number as it was last written down, 0 where that is long ago."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [BACKLOG, lifesigns.SECONDS_OF_SILENCE])
        row = cursor.fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def admit() -> None:
    """Raises Overloaded while as much machine work waits as may; asks once a second."""
    if not settings.MOST_WAITING:
        return
    now = time.monotonic()
    if now >= _read.get("until", 0):
        _read.update(waiting=waiting(), until=now + SECONDS_KNOWN)
    if _read["waiting"] >= settings.MOST_WAITING:
        raise Overloaded


def forget() -> None:
    """Ask anew the next time."""
    _read.clear()
