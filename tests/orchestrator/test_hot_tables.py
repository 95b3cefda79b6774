"""Tables that change all the time are cleaned early, and change in place where they can."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from orchestrator.models import Case, Connection, Counter, Follower

pytestmark = pytest.mark.django_db

EARLY = {"task", "seat", "case", "timer", "delivery", "bulkrow", "waiting"}
INDEXED = """
SELECT DISTINCT a.attname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND (
    a.attnum = ANY (i.indkey)
    OR pg_get_expr(i.indpred, i.indrelid) ~ ('\\m' || a.attname || '\\M')
    OR pg_get_expr(i.indexprs, i.indrelid) ~ ('\\m' || a.attname || '\\M')
)
JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
WHERE i.indrelid = %s::regclass AND a.attnum > 0 AND m.amname <> 'brin'
"""


def options(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [f"orchestrator_{table}"]
        )
        return dict(one.split("=") for one in cursor.fetchone()[0] or ())


@pytest.mark.parametrize("table", sorted(EARLY))
def test_what_changes_all_the_time_is_cleaned_early(table: str) -> None:
    assert float(options(table)["autovacuum_vacuum_scale_factor"]) <= 0.02


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Case, {"seq", "head", "provenance"}),
        (Counter, {"count", "histogram"}),
        (Connection, {"breaker", "breaker_until", "failures"}),
        (Follower, {"position"}),
    ],
)
def test_what_each_act_changes_is_in_no_index_and_finds_room(
    model: type[Any], columns: set[str]
) -> None:
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(INDEXED, [table])
        indexed = {row[0] for row in cursor.fetchall()}

    assert columns & indexed == set()
    assert int(options(table.removeprefix("orchestrator_"))["fillfactor"]) <= 90


def test_a_heartbeat_and_a_draft_are_in_no_index() -> None:
    """A claim is: it changes by whom a seat is held, which the queue's indexes ask for."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXED, ["orchestrator_seat"])
        indexed = {row[0] for row in cursor.fetchall()}

    assert {"draft", "claim_expires_at", "shown_digest"} & indexed == set()
    assert {"state", "claimed_by_id"} <= indexed
