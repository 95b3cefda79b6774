"""A worker outlives what it depends on: it says so in a line, waits, and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.processes.child import PROJECT, Child
from orchestrator.processes.servers import start_valkey
from orchestrator.processes.state import Home
from tests.orchestrator.test_processes import free_port, wait_until

pytestmark = [pytest.mark.chaos, pytest.mark.skipif(sys.platform != "linux", reason="/proc")]

WAITS = "The database does not answer: orchestrator.jobs.report waits for it."
OWN = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}


class Worker:
    """``manage.py run worker`` with a broker of its own and a database that is not there."""

    def __init__(self, home: Home) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in OWN}
        self.environ = kept | {
            "REWIRE_HOME": str(home.path),
            "SECRET_KEY": "only-for-tests",
            "DATABASE_URL": f"postgres://nobody@127.0.0.1:{free_port()}/nothing",
        }
        self.output = home.path / "worker.out"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "run", "worker"],
                cwd=PROJECT,
                env=self.environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> list[str]:
        return self.output.read_text().splitlines()

    def ring(self) -> None:
        """As a web process does that has a database."""
        code = "from orchestrator.jobs import report; report.delay()"
        done = subprocess.run(
            [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
            cwd=PROJECT,
            env=self.environ,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()

    def complaints(self, of: str) -> list[str]:
        return [line for line in self.said() if of in line]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home.at(tmp_path / "home")
    found.make()
    return found


@pytest.fixture
def broker(home: Home) -> Iterator[Child]:
    server = start_valkey(home, safe=False)
    yield server
    server.stop()


@pytest.fixture
def worker(home: Home, broker: Child) -> Iterator[Worker]:
    found = Worker(home)
    wait_until(lambda: bool(found.complaints("ready.")))
    yield found
    found.process.kill()
    found.process.wait()


def test_without_a_database_a_worker_says_so_and_goes_on(worker: Worker) -> None:
    for count in (1, 2):
        worker.ring()
        wait_until(lambda: len(worker.complaints(WAITS)) == count)  # noqa: B023

    assert worker.process.poll() is None
    assert worker.complaints("OperationalError") == []

    started = time.monotonic()
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    assert time.monotonic() - started < 30


def test_a_worker_waits_for_a_broker_that_went_away(
    worker: Worker, broker: Child, home: Home
) -> None:
    broker.stop()
    wait_until(lambda: bool(worker.complaints("Connection to broker lost")))
    assert worker.process.poll() is None

    again = start_valkey(home, safe=False)
    try:
        before = len(worker.complaints(WAITS))
        wait_until(lambda: bool(worker.complaints("Connected to redis")))
        worker.ring()
        wait_until(lambda: len(worker.complaints(WAITS)) > before)
    finally:
        again.stop()
