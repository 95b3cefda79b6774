"""The last report of each kind of background process: one row of it in the database.

Valkey is not asked: while it is away the workers report nothing, and that is what counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

TIMERS: Final = "timers"
WORKER: Final = "worker"
MEASURE: Final = "measure"

SECONDS_OF_SILENCE: Final = 30
"""Timers report each second, workers each ten: after three misses somebody should know."""

REPORT: Final = """
INSERT INTO orchestrator_counter (scope, measure, hour, count, histogram)
VALUES ('process', %s, 'epoch', extract(epoch FROM clock_timestamp()) * 1000, %s)
ON CONFLICT (scope, measure, hour)
DO UPDATE SET count = excluded.count, histogram = excluded.histogram
"""

# A worker that performs a long step cannot report meanwhile; its lease says that it lives. What
# outsiders perform says nothing of workers.
READ: Final = """
SELECT measure, (extract(epoch FROM clock_timestamp()) - count / 1000.0)::float8, histogram,
    EXISTS (SELECT FROM orchestrator_task
        WHERE state = 'running' AND lease_expires_at > clock_timestamp()
            AND (lane IS NULL OR lane > 0))
FROM orchestrator_counter WHERE scope = 'process'
"""


@dataclass(frozen=True, slots=True)
class Signs:
    """Seconds since each process reported; a process that never did is missing.

    ``busy``: a machine step is under way. ``measured``: what the last ``measure`` found.
    """

    seconds: dict[str, float]
    busy: bool
    measured: dict[str, Any]

    def silent(self) -> str:
        """Which process does not report, timers first; "" while all is well."""
        if not self.seconds.get(TIMERS, SECONDS_OF_SILENCE) < SECONDS_OF_SILENCE:
            return TIMERS
        reports = self.seconds.get(WORKER, SECONDS_OF_SILENCE) < SECONDS_OF_SILENCE
        return "" if reports or self.busy else WORKER


def report(process: str, found: dict[str, Any] | None = None) -> None:
    """Write down that this process lives, and what it found. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(REPORT, [process, None if found is None else json.dumps(found)])


def signs() -> Signs:
    """Queries once, by the index, however much there is to do."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        rows = cursor.fetchall()
    seconds = {name: max(0.0, age) for name, age, _found, _busy in rows}
    found = {name: json.loads(found) for name, _age, found, _busy in rows if found}
    return Signs(seconds, any(row[3] for row in rows), found.get(MEASURE, {}))
