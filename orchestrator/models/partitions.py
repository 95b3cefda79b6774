"""Monthly partitions of the tables that only grow: events and inbound messages."""

from __future__ import annotations

from datetime import date

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

TABLES = {"orchestrator_event": "at", "orchestrator_inbound": "day"}
MONTHS_AHEAD = 3


def ensure_partitions(today: date) -> list[str]:
    """Make the partitions of this month and the next three; returns the new ones' names.

    A month whose rows are already in the default partition stays there.
    """
    months = [_month(today, ahead) for ahead in range(MONTHS_AHEAD + 1)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        there = {row[0] for row in cursor.fetchall()}
    return [
        _name(table, month)
        for table in TABLES
        for month in months
        if _name(table, month) not in there and _create(table, month)
    ]


def _create(table: str, month: date) -> bool:
    column, end = TABLES[table], _month(month, 1)
    late = SQL("SELECT 1 FROM {} WHERE {} >= {} AND {} < {} LIMIT 1").format(
        Identifier(f"{table}_default"),
        Identifier(column),
        Literal(month),
        Identifier(column),
        Literal(end),
    )
    create = SQL(
        "CREATE TABLE IF NOT EXISTS {} PARTITION OF {} FOR VALUES FROM ({}) TO ({})"
    ).format(Identifier(_name(table, month)), Identifier(table), Literal(month), Literal(end))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(late)
        if cursor.fetchone():
            return False
        cursor.execute(create)
        return True


def _month(day: date, ahead: int) -> date:
    years, month = divmod(day.month - 1 + ahead, 12)
    return date(day.year + years, month + 1, 1)


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"
