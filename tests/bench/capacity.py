"""What one case takes, for capacity plans: bytes by table, write-ahead log, commits and CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from orchestrator.models import Workflow
from tests.bench import machine, place
from tests.bench.place import Place
from tests.bench.report import Row
from tests.bench.workers import Worker, rate_of

CASES: Final = 500
SIZES: Final = """
SELECT replace(replace(relname, 'orchestrator_', ''), '_' || to_char(now(), 'YYYY_MM'), ''),
    pg_total_relation_size(relid)
FROM pg_stat_user_tables WHERE relname LIKE 'orchestrator%'
"""
LOG: Final = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
COMMITS: Final = """
SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()
"""
LEAST: Final = 20
"""Bytes of a table for each case below which it is not named."""


def case(here: Place, workflow: Workflow) -> Iterator[Row]:
    """Cases with one decision, through the engine: started, claimed, decided, closed."""
    rate_of([_worker(workflow)])
    place.rest()
    worker = _worker(workflow)
    sizes, log, commits = _sizes(), _number(LOG), _number(COMMITS)
    with machine.used(here.postgres.pid, os.getpid()) as spent:
        rate_of([worker])
    yield Row("CPU per case with one decision, database", 1000 * spent[0] / CASES, "ms")
    yield Row("CPU per case with one decision, engine", 1000 * spent[1] / CASES, "ms")
    yield Row("commits per case", (_number(COMMITS) - commits) / CASES, "")
    yield Row("write-ahead log per case", (_number(LOG) - log) / CASES, "B")
    grown = {name: (size - sizes.get(name, 0)) / CASES for name, size in _sizes().items()}
    yield Row("tables and indexes per case", sum(grown.values()), "B")
    for name, size in sorted(grown.items(), key=lambda pair: -pair[1]):
        if size > LEAST:
            yield Row(f"- {name}", size, "B")


def _worker(workflow: Workflow) -> Worker:
    return Worker("cases", workflow.slug, str(CASES), "reviewer-0")


def _sizes() -> dict[str, int]:
    with place.connect("rewire") as connection:
        return {name: int(size) for name, size in connection.execute(SIZES).fetchall()}


def _number(sql: str) -> int:
    with place.connect("rewire") as connection:
        row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0
