"""Kill the worker's processes while they are in the middle of a step. Linux only.

Nothing is killed but children of the group's own worker: the group is the process that holds
the lock of this state folder and that this process descends from.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from integrations.demo.feeding import feed
from orchestrator.models import Task, TaskState

BAIT: Final = 12  # requests that keep the worker busy meanwhile
SECONDS: Final = 8.0
PROC: Final = Path("/proc")


class NoVictimError(Exception):
    """No worker of this group was caught in the middle of a step."""


def kill_in_mid_step() -> tuple[list[int], list[Task]]:
    """Send some requests and kill the worker's processes while they read them.

    Returns the pids and the tasks that they held. Raises NoVictimError.
    """
    pids = victims()
    cases = set(feed(BAIT))
    end = time.monotonic() + SECONDS
    while cases and pids and time.monotonic() < end:
        if held := _running(cases):
            _send(pids, signal.SIGSTOP)
            # Held still, they can finish nothing: what they hold now is lost with them.
            if held := _running(cases):
                _send(pids, signal.SIGKILL)
                return pids, held
            _send(pids, signal.SIGCONT)
        time.sleep(0.002)
    raise NoVictimError(_("No worker was caught in the middle of a step: try it again."))


def _running(cases: set[int]) -> list[Task]:
    """What is being performed of these cases."""
    running = Task.objects.filter(state=TaskState.RUNNING, case__in=cases)
    return list(running.select_related("case"))


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def victims() -> list[int]:
    """The processes in which the group's worker performs steps; none outside of the group."""
    group = int((settings.HOME.path / "lock").read_text() or 0)
    if group not in _ancestors(os.getpid()):
        return []
    workers = [pid for pid in _children(group) if b"worker@%h" in _command(pid)]
    return [child for worker in workers for child in _children(worker)]


def _ancestors(pid: int) -> Iterator[int]:
    while pid := _parent(pid):
        yield pid


def _children(parent: int) -> list[int]:
    pids = [int(entry.name) for entry in PROC.glob("[0-9]*")]
    return [pid for pid in pids if _parent(pid) == parent]


def _parent(pid: int) -> int:
    """0 where there is none, or no such process."""
    with suppress(OSError):
        return int((PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> list[bytes]:
    with suppress(OSError):
        return (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    return []
