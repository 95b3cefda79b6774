"""Steps a second in ten-step workflows, beside DBOS on the same machine, server and day.

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
SECONDS_TO_INSTALL: Final = 300


class Peer(Worker):
    """One process of DBOS, ready to begin."""

    def __init__(self, url: str) -> None:
        self.start([str(FOLDER / "bin/python"), str(SCRIPT), url, str(WORKFLOWS)])


def ten_steps() -> Iterator[Row]:
    """Both twice at once, each the best of three windows: others use this machine too."""
    ten = steps(10)
    ours = max(steps_a_second(ten, PROCESSES, WORKFLOWS * PROCESSES) for _ in range(WINDOWS))
    theirs = _dbos() if _is_installed() else None
    name = "steps/s, ten-step workflows, beside DBOS"
    yield Row(name, ours, "", theirs, ">= 430")


def _dbos() -> float:
    with place.connect("rewire") as connection:
        connection.execute("CREATE DATABASE dbos")
    url = f"postgresql+psycopg://rewire@/dbos?host={settings.HOME.run}"
    # One at a time makes its tables.
    Peer(url).finish()
    return max(rate_of([Peer(url) for _ in range(PROCESSES)]) for _ in range(WINDOWS))


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
