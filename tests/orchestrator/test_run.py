"""``manage.py run``: each process by itself, as a service manager or a container runs it.

The checks of health are those of compose.yaml, run as they stand there.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
import yaml
from django.conf import settings

from orchestrator.management.commands.run import PROCESSES
from orchestrator.processes.child import PROJECT
from tests.orchestrator.test_processes import free_port, wait_until

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="as in a container"),
    pytest.mark.xdist_group("run"),
]
SERVICES: dict[str, Any] = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]


class Site:
    """The processes, on the servers of this test run and a database of their own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOSTNAME": socket.gethostname(),
            "REWIRE_HOME": str(settings.HOME.path),
            "SECRET_KEY": "only-for-tests",
            "PORT": str(self.port),
            "LOG_FORMAT": "json",
        }
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.check([sys.executable, "manage.py", *arguments])

    def check(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=PROJECT, env=self.environ, capture_output=True, text=True, check=False
        )

    def start(self, name: str) -> None:
        with self.log(name).open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "manage.py", *SERVICES[name]["command"]],
                cwd=PROJECT,
                env=self.environ,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def log(self, name: str) -> Path:
        return settings.HOME.logs / f"run-{name}.log"

    def is_healthy(self, name: str) -> bool:
        """What the health check of compose.yaml says of the service."""
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        if kind == "CMD-SHELL":
            command = ["sh", "-c", command[0].replace("$$", "$")]
        command = [part.replace(":8000/", f":{self.port}/") for part in command]
        return self.check(command).returncode == 0


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    for process in site.running.values():
        process.kill()
        process.wait()


@pytest.mark.timeout(300)  # a dozen programs start and stop
def test_the_processes_run_one_by_one_and_stop_in_time(site: Site) -> None:
    assert site.manage("migrate", "--no-input", "-v0").returncode == 0
    silent = site.manage("check_workers")
    assert (silent.returncode, silent.stdout) == (1, "timers: never\nworker: never\n")
    assert not site.is_healthy("worker")

    for name in PROCESSES:
        site.start(name)
    wait_until(lambda: site.is_healthy("beat"))

    assert [name for name in PROCESSES if not site.is_healthy(name)] == []
    with urlopen(f"http://127.0.0.1:{site.port}/readyz") as response:
        assert orjson.loads(response.read())["missing"] == []
    assert all(process.poll() is None for process in site.running.values())

    started = time.monotonic()
    for process in site.running.values():
        process.send_signal(signal.SIGTERM)
    assert {name: process.wait(30) for name, process in site.running.items()} == dict.fromkeys(
        PROCESSES, 0
    )
    assert time.monotonic() - started < 30
    lines = [line for name in PROCESSES for line in site.log(name).read_text().splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(
        *(set(orjson.loads(line)) for line in lines)
    )


def test_an_unknown_process_is_refused(site: Site) -> None:
    result = site.manage("run", "everything")

    assert result.returncode == 2
    assert "invalid choice: 'everything'" in result.stderr
