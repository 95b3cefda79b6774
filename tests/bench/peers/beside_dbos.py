"""Steps a second in ten-step workflows, beside DBOS on the same machine and server.

DBOS comes into an environment of its own, .venv-peers; where it cannot, its place stays empty.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from orchestrator.processes.child import PROJECT
from tests.bench import place
from tests.bench.report import Row
from tests.bench.workers import Worker, rate_of, steps_a_second
from tests.bench.world import steps

FOLDER: Final = PROJECT / ".venv-peers"
SCRIPT: Final = Path(__file__).with_name("dbos_steps.py")
WORKFLOWS: Final = 60
WINDOWS: Final = 3
PROCESSES: Final = 2
THREADS: Final = 8
SECONDS_TO_INSTALL: Final = 300


class Peer(Worker):
    """One process of DBOS, ready to begin."""

    def __init__(self, url: str, threads: int = 1) -> None:
        argv = [str(FOLDER / "bin/python"), str(SCRIPT), url, str(WORKFLOWS), str(threads)]
        self.start(argv)


def ten_steps() -> Iterator[Row]:
    """Both in turn, each the best of its windows: others use this machine too.

    Both with two processes that do one step at a time; DBOS with many threads besides.
    """
    ten, url = steps(10), _database() if _is_installed() else ""
    ours, theirs, threaded = [], [], []
    for _ in range(WINDOWS):
        ours.append(steps_a_second(ten, PROCESSES, WORKFLOWS * PROCESSES))
        if url:
            theirs.append(_theirs(url, 1))
            threaded.append(_theirs(url, THREADS))
    name = "steps/s, ten-step workflows, beside DBOS"
    yield Row(name, max(ours), "", max(theirs, default=None), ">= 430")
    if threaded:
        yield Row(f"- DBOS with {THREADS} threads a process", max(threaded), "")


def _theirs(url: str, threads: int) -> float:
    return rate_of([Peer(url, threads) for _ in range(PROCESSES)])


def _database() -> str:
    """The address of its own database, with its tables: one process alone makes them."""
    with place.connect("rewire") as connection:
        connection.execute("CREATE DATABASE dbos")
    url = f"postgresql+psycopg://rewire@/dbos?host={settings.HOME.run}"
    Peer(url).finish()
    return url


def _is_installed() -> bool:
    if not (FOLDER / "bin/dbos").exists():
        venv.create(FOLDER, with_pip=True)
        argv = [str(FOLDER / "bin/pip"), "install", "--quiet", "dbos>=3.4"]
        try:
            subprocess.run(argv, check=True, timeout=SECONDS_TO_INSTALL)
        except subprocess.SubprocessError as error:
            print(f"DBOS is not compared: it could not be installed ({error}).", file=sys.stderr)
            return False
    return True
