"""Where the benchmarks run: the servers of one machine, as ``manage.py up`` starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import psycopg
from django.conf import settings
from django.core.management import call_command

from orchestrator.processes.child import PROJECT, Child, Process
from orchestrator.processes.group import web
from orchestrator.processes.servers import start_postgres, start_valkey

LONGEST_JOB: Final = 90  # seconds
LONGEST_REST: Final = 60


@dataclass(frozen=True, slots=True)
class Place:
    """``web`` and ``floor`` are the ports of both servers; the others are their processes."""

    postgres: Child
    server: Child
    floor_server: Child
    web: int
    floor: int


@contextmanager
def running() -> Iterator[Place]:
    """PostgreSQL with fsync, Valkey, Rewire and its floor; all stopped at the end."""
    settings.HOME.make()
    children = [start_postgres(settings.HOME), start_valkey(settings.HOME)]
    try:
        _make_databases()
        ports = settings.PORT, free_port()
        children += [_serve(web(), ports[0]), _serve(_floor(ports[1]), ports[1])]
        postgres, _, server, floor = children
        yield Place(postgres, server, floor, *ports)
    finally:
        for child in reversed(children):
            child.stop()


@contextmanager
def beside(*processes: Process) -> Iterator[None]:
    """More processes of the group, for as long as one measure needs them."""
    children = [Child(process, settings.HOME.logs) for process in processes]
    try:
        yield
    finally:
        for child in children:
            child.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connect(database: str) -> psycopg.Connection:
    address = f"postgresql:///{database}?host={settings.HOME.run}&user=rewire"
    return psycopg.connect(address, autocommit=True)


VACUUMS: Final = """
SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'
"""


def rest() -> None:
    """Tidy up what was filled in, and wait until no autovacuum works beside what is measured.

    Says so, and how long it took; goes on after a minute all the same.
    """
    start = time.monotonic()
    for database in ("rewire", "floor"):
        with connect(database) as connection:
            connection.execute("VACUUM (ANALYZE)")
    with connect("rewire") as connection:
        connection.execute("CHECKPOINT")
        while (busy := _vacuums(connection)) and time.monotonic() - start < LONGEST_REST:
            time.sleep(0.5)
    state = "autovacuum still works" if busy else "autovacuum is at rest"
    print(f"{state} after {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)


def _vacuums(connection: psycopg.Connection) -> int:
    row = connection.execute(VACUUMS).fetchone()
    return int(row[0]) if row else 0


def load(kind: str, port: int, keys: Sequence[str] = (), **job: Any) -> dict[str, Any]:
    """Run one job of ``tests.bench.load`` in a process of its own. Raises SystemExit."""
    told = json.dumps({"kind": kind, "port": port, "keys": list(keys), **job})
    argv = [sys.executable, "-m", "tests.bench.load"]
    done = subprocess.run(
        argv,
        input=told,
        capture_output=True,
        text=True,
        timeout=LONGEST_JOB,
        cwd=PROJECT,
        check=False,
    )
    if done.returncode or done.stderr:
        raise SystemExit(f"The load {kind} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _make_databases() -> None:
    with connect("rewire") as connection:
        connection.execute("CREATE DATABASE floor")
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    argv = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"]
    subprocess.run(argv, check=True, cwd=PROJECT, env=os.environ | FLOOR)


FLOOR: Final = {"DJANGO_SETTINGS_MODULE": "tests.bench.floor.settings"}


def _floor(port: int) -> Process:
    """The same server with the same settings, for the floor's application."""
    ours = web()
    argv = [*ours.argv[:-1], "tests.bench.floor.wsgi:application"]
    argv[argv.index("--port") + 1] = str(port)
    return replace(ours, name="floor", argv=argv, environ=FLOOR)


def _serve(process: Process, port: int) -> Child:
    child = Child(process, settings.HOME.logs)
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return child
        time.sleep(0.1)
    raise SystemExit(f"{process.name} does not answer: {child.last_words()}")
