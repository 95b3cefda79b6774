"""The process group of one machine: it starts together and ends together.

Web and worker restart their own crashed children; when one of the programs, a server or an
extra process itself ends, the whole group stops and says which log to read.
Half a group would look alive and do no work.
"""

from __future__ import annotations

import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPException
from threading import Event
from types import FrameType
from typing import IO

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection, connections

from orchestrator import lifesigns
from orchestrator.processes.child import Child, Process
from orchestrator.processes.servers import start_postgres, start_valkey
from orchestrator.processes.state import Home, StateError

SECONDS_TO_ANSWER = 60
OLDEST_POSTGRES = 150_000
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


asked_to_stop = Event()


class Stopped(BaseException):
    """Somebody asked the group to stop."""


def run_group(
    extra: Sequence[Process] = (),
    *,
    prepare: Callable[[], None] | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Run until a signal asks to stop; raises StateError when a process cannot or will not run.

    ``prepare`` is called when the database is migrated and before the programs and the
    ``extra`` processes start; ``on_ready`` when the web process answers.
    """
    with _signals(), ExitStack() as stack:
        try:
            children = _Children(settings.HOME.lock(), settings.HOME, stack)
            _start(children, extra, prepare, on_ready)
            children.watch()
        except Stopped:
            _say("Stopping")
        finally:
            _ignore_signals()


class _Children:
    """Everything that runs; stopped when ``stack`` closes, the servers last."""

    def __init__(self, lock: IO[str], home: Home, stack: ExitStack) -> None:
        self.lock, self.home = lock, home
        self.servers: list[Child] = []
        self.programs: list[Child] = []
        stack.callback(self.stop)

    def start(self, process: Process) -> None:
        self.programs.append(Child(process, self.home.logs, keep=[self.lock]))

    def check(self) -> None:
        """Raises StateError when one has ended, Stopped when somebody asked for the end."""
        _heed()
        for child in (*self.servers, *self.programs):
            code = child.exit_code()
            if code is not None:
                raise StateError(
                    f"{child.name} ended with code {code}, so everything was stopped. "
                    f"Its log: {child.log}"
                )

    def watch(self) -> None:
        while True:
            self.check()
            time.sleep(0.2)

    def stop(self) -> None:
        for child in self.programs:
            child.ask_to_stop()
        for child in (*self.programs, *reversed(self.servers)):
            child.stop()
        if self.home.run.parent != self.home.path:
            shutil.rmtree(self.home.run, ignore_errors=True)


def _start(
    children: _Children,
    extra: Sequence[Process],
    prepare: Callable[[], None] | None,
    on_ready: Callable[[], None] | None,
) -> None:
    _check_port(settings.HOST, settings.PORT)
    _start_servers(children)
    with _phase("Migrating the database"):
        _migrate()
    if not settings.DEBUG:
        with _phase("Collecting static files"):
            call_command("collectstatic", interactive=False, verbosity=0)
    if prepare:
        prepare()
    connections.close_all()
    with _phase("Starting web, worker, timers, beat"):
        for process in (web(), worker(), timers(), beat(), *extra):
            children.start(process)
        _wait_for_web(children)
    if on_ready:
        on_ready()
    _say(f"Logs: {settings.HOME.logs}")
    _say(f"Ready: {settings.REWIRE_URL}")


def _start_servers(children: _Children) -> None:
    if settings.EMBEDDED_DATABASE:
        with _phase("Starting PostgreSQL"):
            children.servers.append(start_postgres(children.home, keep=[children.lock]))
    if settings.EMBEDDED_BROKER:
        with _phase("Starting Valkey"):
            children.servers.append(start_valkey(children.home, keep=[children.lock]))


def web() -> Process:
    argv = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws"),
        *("--host", settings.HOST, "--port", str(settings.PORT)),
        *("--workers", str(settings.WEB_PROCESSES), "--blocking-threads"),
        str(settings.WEB_THREADS),
        *("--respawn-failed-workers", "--workers-kill-timeout", "10"),
        "orchestrator.wsgi:application",
    ]
    # Each of many threads would keep a part of the memory for itself: a third more in all.
    return Process("web", argv, {"MALLOC_ARENA_MAX": "2"}, grace=15)


def worker() -> Process:
    """Performs machine steps."""
    return _celery("worker", "--queues", "celery")


def timers() -> Process:
    """Sweeps what is due, however long the worker's steps take."""
    return _celery("timers", "--queues", "timers", "--pool", "solo")


def _celery(name: str, *options: str) -> Process:
    # No gossip, mingle and heartbeat: workers need to know nothing of each other.
    argv = [
        *(sys.executable, "-m", "celery", "-A", "orchestrator", "worker", "-n", f"{name}@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "info"),
        *options,
    ]
    # Whoever starts the group has run the checks: they import every page.
    environ = {"CELERY_SKIP_CHECKS": "1"}
    # Without its database it cannot finish what it does: SIGQUIT lets it drop that at once.
    return Process(name, argv, environ, grace=25, orphan=signal.SIGQUIT)


def beat() -> Process:
    schedule = str(settings.HOME.path / "beat")
    argv = [sys.executable, "-m", "celery", "-A", "orchestrator", "beat", "-s", schedule]
    return Process("beat", argv, grace=5)


def _migrate() -> None:
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise StateError(f"Cannot reach the database: {str(error).splitlines()[0]}") from error
    if connection.cursor().connection.info.server_version < OLDEST_POSTGRES:
        raise StateError("Rewire needs PostgreSQL 15 or newer.")
    call_command("migrate", interactive=False, verbosity=0)
    # They start now: nobody need hear that they were silent before.
    for process in (lifesigns.TIMERS, lifesigns.WORKER):
        lifesigns.report(process)


def _check_port(host: str, port: int) -> None:
    if not 0 < port < 1 << 16:
        raise StateError(f"PORT is {port}: set it to a number from 1 to 65535.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise StateError(
                f"Cannot listen on {host} port {port}: {error.strerror}. "
                "Set PORT to a free port, as in PORT=8001."
            ) from error


def _wait_for_web(children: _Children) -> None:
    deadline = time.monotonic() + SECONDS_TO_ANSWER
    while not _web_answers():
        children.check()
        if time.monotonic() > deadline:
            raise StateError(f"web does not answer. Its log: {settings.HOME.logs / 'web.log'}")
        time.sleep(0.1)


def _web_answers() -> bool:
    host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST  # noqa: S104 compared only
    try:
        client = HTTPConnection(host, settings.PORT, timeout=5)
        client.request("GET", "/healthz", headers={"Host": "127.0.0.1"})
        return client.getresponse().status == 200
    except (OSError, HTTPException):
        return False


@contextmanager
def _phase(name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    _heed()
    _say(f"{name}: {time.monotonic() - start:.1f} s")


def _say(line: str) -> None:
    print(line, flush=True)


@contextmanager
def _signals() -> Iterator[None]:
    """Signals that ask to stop raise ``Stopped`` here, once."""
    asked_to_stop.clear()
    before = {number: signal.signal(number, _raise_stopped) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    _ignore_signals()
    asked_to_stop.set()
    raise Stopped


def _heed() -> None:
    """Raises Stopped once more: Python drops what is raised inside a finalizer."""
    if asked_to_stop.is_set():
        raise Stopped


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
