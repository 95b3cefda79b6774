"""Back up and restore, with the programs and commands that docs/how-to/back-up.md names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection

from orchestrator import jobs
from orchestrator.processes.child import PROJECT
from orchestrator.processes.servers import _postgres_program
from tests.world import FLIGHT, LUNCH, claimed, decided, in_review, started, workflow

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.EMBEDDED_DATABASE, reason="takes the programs of the wheel"),
]

RESTORED = "rewire_restored"
BLOCKS = [
    re.sub(r"(?m)^ +", "", block)
    for block in re.findall(
        r"```sh\n(.*?)```", (PROJECT / "docs/how-to/back-up.md").read_text(), re.DOTALL
    )
]


def address(name: str) -> str:
    return f"postgresql://rewire@/{name}?host={settings.HOME.run}"


def shell(block: str, folder: Path, database: str) -> str:
    """Run one block of the page as it stands there; returns what it printed."""
    commands = block.replace("manage.py", f"{sys.executable} {PROJECT}/manage.py")
    done = subprocess.run(
        ["/bin/sh", "-ec", commands],
        cwd=folder,
        env={
            "PATH": f"{Path(_postgres_program('pg_dump')).parent}:{os.environ['PATH']}",
            "REWIRE_HOME": str(folder / "home"),
            "SECRET_KEY": settings.SECRET_KEY,
            "DATABASE_URL": address(database),
            "MAINTENANCE_URL": address("postgres"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def contents(database: str) -> dict[str, tuple[int, str]]:
    """Rows and their digest, for each table of the core."""
    tables = [model._meta.db_table for model in apps.get_app_config("orchestrator").get_models()]
    with psycopg.connect(address(database)) as source:
        return {
            table: source.execute(  # type: ignore[misc]
                f"SELECT count(*), COALESCE(md5(string_agg(t::text, '|' ORDER BY t::text)), '') "  # noqa: S608
                f"FROM {table} t"
            ).fetchone()
            for table in tables
        }


@pytest.fixture
def source() -> Iterator[str]:
    """A database with cases in every state."""
    place = workflow()
    started(place, LUNCH, confidence=0.99)
    started(place)
    claimed(in_review(place), "bea")
    decided(in_review(place, FLIGHT), "ben", "approved")
    decided(in_review(place), "bea", "corrected", output={"merchant": "Mensa", "amount": 4})
    jobs.measure.apply()
    yield connection.settings_dict["NAME"]
    with psycopg.connect(address("postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {RESTORED} WITH (FORCE)")


def test_a_restored_database_is_the_one_that_was_dumped(source: str, tmp_path: Path) -> None:
    dump, load, gap, check = BLOCKS
    before = contents(source)
    shell(dump, tmp_path, source)

    shell(load, tmp_path, RESTORED)

    assert contents(RESTORED) == before
    assert before["orchestrator_case"][0] == 5
    assert before["orchestrator_event"][0] > 10

    shell(gap, tmp_path, RESTORED)
    told = shell(check, tmp_path, RESTORED)
    assert "orphans: 0\n" in told
    assert re.search(r"chains: \d+, broken: 0\n", told)
    with psycopg.connect(address(RESTORED)) as restored:
        highest, following = restored.execute(
            "SELECT max(id), nextval(pg_get_serial_sequence('orchestrator_case', 'id'))"
            " FROM orchestrator_case"
        ).fetchone() or (0, 0)
        assert following == highest + 1_000_001
        with pytest.raises(psycopg.errors.RaiseException, match="append_only"):
            restored.execute("UPDATE orchestrator_event SET type = 'case.forged'")


def test_an_altered_dump_is_found_out(source: str, tmp_path: Path) -> None:
    dump, load, _gap, check = BLOCKS
    shell(dump, tmp_path, source)
    shell(load, tmp_path, RESTORED)
    with psycopg.connect(address(RESTORED)) as restored:
        restored.execute("SET session_replication_role = replica")
        restored.execute("UPDATE orchestrator_event SET type = 'case.forged' WHERE seq = 2")

    with pytest.raises(AssertionError, match="broken: case"):
        shell(check, tmp_path, RESTORED)
