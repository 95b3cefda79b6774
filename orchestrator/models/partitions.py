"""Monthly partitions of the tables that only grow: events and inbound messages."""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

from django.db import connection, transaction
from psycopg.sql import SQL, Identifier, Literal

TABLES = {"orchestrator_event": "at", "orchestrator_inbound": "day"}
MONTHS_AHEAD = 3

MONTHS: Final = r"""
SELECT found[1], found[2]::int, found[3]::int, c.reltuples, pg_total_relation_size(c.oid)
FROM pg_class c
CROSS JOIN LATERAL regexp_match(c.relname, '^orchestrator_([a-z]+)_(\d{4})_(\d{2})$') AS found
WHERE c.relispartition AND c.relkind = 'r' AND found IS NOT NULL
ORDER BY found[2]::int, found[3]::int, found[1]
"""


class Month(NamedTuple):
    """A partition: ``table`` is ``event`` or ``inbound``. ``rows`` is PostgreSQL's estimate, below
    0 where it has none yet; ``size`` is in bytes, with indexes."""

    table: str
    start: date
    rows: float
    size: int

    @property
    def name(self) -> str:
        return _name(f"orchestrator_{self.table}", self.start)

    @property
    def end(self) -> date:
        return _month(self.start, 1)


def months_before(bound: date) -> list[Month]:
    """The partitions whose month is over by then, the oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(MONTHS)
        found = [
            Month(table, date(year, month, 1), rows, size)
            for table, year, month, rows, size in cursor.fetchall()
        ]
    return [month for month in found if month.end <= bound]


def strays_before(bound: date) -> bool:
    """Whether rows of an earlier day lie in a default partition, where no month can be dropped."""
    with connection.cursor() as cursor:
        for table, column in TABLES.items():
            late = SQL("SELECT 1 FROM {} WHERE {} < {} LIMIT 1").format(
                Identifier(f"{table}_default"), Identifier(column), Literal(bound)
            )
            cursor.execute(late)
            if cursor.fetchone():
                return True
    return False


def drop(month: Month) -> None:
    """Drop a partition; its table is locked until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(SQL("DROP TABLE {}").format(Identifier(month.name)))


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


def months_ago(day: date, months: int) -> date:
    """The first day of the month that so many months ago was."""
    return _month(day, -months)


def _month(day: date, ahead: int) -> date:
    years, month = divmod(day.month - 1 + ahead, 12)
    return date(day.year + years, month + 1, 1)


def _name(table: str, month: date) -> str:
    return f"{table}_{month:%Y_%m}"
