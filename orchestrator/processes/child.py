"""One child process: started in a process group of its own, stopped with all it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from orchestrator.processes import launch

PROJECT = Path(__file__).resolve().parents[2]
LARGEST_LOG = 10 << 20  # bytes; a larger one is put aside at the next start


@dataclass(frozen=True, slots=True)
class Process:
    """What to run.

    ``stop`` is the signal for an orderly end, ``grace`` the seconds for it; ``orphan`` the
    signal from the kernel when the parent was killed (Linux), ``stop`` if not given.
    """

    name: str
    argv: Sequence[str]
    environ: dict[str, str] = field(default_factory=dict)
    stop: signal.Signals = signal.SIGTERM
    grace: float = 30
    orphan: signal.Signals | None = None
    user: str | None = None


class Child:
    """A running Process. Its output goes to ``logs/<name>.log``."""

    def __init__(self, process: Process, logs: Path, *, keep: Sequence[IO[str]] = ()) -> None:
        """Start it. ``keep``: open files the child inherits, such as the folder's lock."""
        self.process = process
        self._asked = False
        self.log = logs / f"{process.name}.log"
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
            self.log.rename(self.log.with_suffix(".log.1"))
        with open(self.log, "ab") as output:
            self._popen = subprocess.Popen(
                launched(process),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env=os.environ | process.environ,
                start_new_session=True,
                pass_fds=[stream.fileno() for stream in keep],
            )

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def pid(self) -> int:
        return self._popen.pid

    def exit_code(self) -> int | None:
        return self._popen.poll()

    def ask_to_stop(self) -> None:
        """Ask once: Celery takes a second request for a hurry and drops its work."""
        if not self._asked and self._popen.poll() is None:
            self._popen.send_signal(self.process.stop)
        self._asked = True

    def stop(self) -> None:
        """Ask, wait for ``grace`` seconds, then kill what is left of its group."""
        self.ask_to_stop()
        with suppress(subprocess.TimeoutExpired):
            self._popen.wait(self.process.grace)
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()

    def last_words(self) -> str:
        """The last line of its log, for messages."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""


def launched(process: Process) -> list[str]:
    """The command line that runs it through ``launch``."""
    return [
        *(sys.executable, "-I", "-S", launch.__file__),
        *(str(os.getpid()), str(int(process.orphan or process.stop)), process.user or "-"),
        *process.argv,
    ]
