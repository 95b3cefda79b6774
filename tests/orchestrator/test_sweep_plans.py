"""A sweep looks only at what is due, however much waits: each part goes down an index to now."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator import engine

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("part", "index", "column"),
    [
        (engine.expire_leases, "task_running", "lease_expires_at"),
        (engine.resume_due, "seat_pended", "back_at"),
        (engine.fire_seat_timers, "timer_unfired", "due_at"),
        (engine.expire_seats, "seat_due", "due_at"),
        (engine.fire_timers, "timer_unfired", "due_at"),
        (engine.settle_due, "task_to_settle", "settle_at"),
    ],
)
def test_what_is_not_due_is_not_looked_at(
    part: Callable[[], object], index: str, column: str
) -> None:
    with CaptureQueriesContext(connection) as asked:
        part()

    plan = planned(asked.captured_queries[0]["sql"])
    found = next(place for place, line in enumerate(plan) if index in line)
    assert plan[found + 1].strip().startswith("Index Cond:")
    assert column in plan[found + 1]


def planned(sql: str) -> list[str]:
    """The plan of many rows: of none PostgreSQL would read the whole table."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}")
        return [row[0] for row in cursor.fetchall()]
