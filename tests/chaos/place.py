"""All processes of an installation, each of its own: whatever is killed is started again."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import psycopg
from redis import Redis

from orchestrator.processes.child import Child, Process
from orchestrator.processes.servers import start_postgres, start_valkey
from orchestrator.processes.state import Home
from tests.installed import ran

PROGRAMS: Final = ("web", "worker", "timers", "beat")
QUEUES: Final = ("celery", "timers")
OWN: Final = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "REWIRE_TEST_DATABASE"}
SECONDS_TO_WAIT: Final = 30


class Place:
    """Starts everything in ``folder``; ``killed`` counts what died of it, by name."""

    def __init__(self, folder: Path, port: int) -> None:
        self.home = Home.at(folder)
        self.home.make()
        self.url = f"http://127.0.0.1:{port}"
        kept = {name: value for name, value in os.environ.items() if name not in OWN}
        self.environ = kept | {
            "REWIRE_HOME": str(folder),
            "PORT": str(port),
            "SECRET_KEY": "only-for-tests",
            "REWIRE_HTTP_ALLOWED_HOSTS": "127.0.0.1",
            "WEB_PROCESSES": "1",
            "WEB_THREADS": "4",
        }
        self.killed: Counter[str] = Counter()
        self.children: dict[str, Child] = {}
        self.children["postgres"] = start_postgres(self.home)
        self.children["valkey"] = start_valkey(self.home)

    def run(self, *argv: str, given: str = "") -> str:
        """A Python program beside the processes; it must succeed."""
        return ran(self.environ, *argv, given=given)

    def start(self, name: str) -> None:
        argv = [sys.executable, "manage.py", "run", name]
        self.children[name] = Child(Process(name, argv, self.environ), self.home.logs)

    def stop(self) -> None:
        for child in reversed(list(self.children.values())):
            child.stop()
        shutil.rmtree(self.home.run, ignore_errors=True)

    def kill(self, name: str) -> None:
        """SIGKILL, and no doubt that it was; then a new one."""
        child = self.children[name]
        inner = _children_of(child.pid)
        os.kill(child.pid, signal.SIGKILL)
        _wait_for(lambda: child.exit_code() is not None)
        assert child.exit_code() == -signal.SIGKILL
        for pid in inner:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.killed[name] += 1
        self.start(name)

    def kill_inner(self, name: str) -> None:
        """One process that a program started: what performs the steps, what answers requests."""
        _wait_for(lambda: self._inner(name))
        pid = random.choice(self._inner(name))
        os.kill(pid, signal.SIGKILL)
        _wait_for(lambda: _is_gone(pid))
        self.killed[f"{name} child"] += 1

    def _inner(self, name: str) -> list[int]:
        self.tend()
        return _children_of(self.children[name].pid)

    def restart_database(self) -> None:
        """As after a power cut: nothing was written that a commit had not promised."""
        child = self.children["postgres"]
        os.kill(child.pid, signal.SIGQUIT)
        _wait_for(lambda: child.exit_code() is not None)
        self.killed["postgres"] += 1
        self.children["postgres"] = start_postgres(self.home)

    def flush_broker(self) -> None:
        with Redis.from_url(self.home.redis_url) as broker:
            broker.flushall()
        self.killed["flush"] += 1

    def restart_broker(self) -> None:
        """Stopped, and started again with nothing in it."""
        self.children["valkey"].stop()
        shutil.rmtree(self.home.path / "valkey")
        self.killed["valkey"] += 1
        self.children["valkey"] = start_valkey(self.home)

    def lose_and_double_messages(self) -> None:
        with Redis.from_url(self.home.redis_url) as broker:
            for queue in QUEUES:
                found = broker.lrange(queue, 0, -1)
                broker.delete(queue)
                for message in found:
                    for _ in range(random.choice((0, 2))):
                        broker.rpush(queue, message)
                    self.killed["messages lost or doubled"] += 1

    def tend(self) -> None:
        """What a service manager does: a program that has ended by itself begins again."""
        for name in PROGRAMS:
            if self.children[name].exit_code() is not None:
                self.killed[f"{name} by itself"] += 1
                self.start(name)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(host=str(self.home.run), user="rewire", dbname="rewire") as connection:
            return connection.execute(sql.encode(), values).fetchall()


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in path.read_text().split()]
    return found


def _is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def _wait_for(look: Any) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not look():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
