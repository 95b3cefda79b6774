"""The engine alone, without HTTP and broker, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from uuid import uuid4

from orchestrator import engine
from orchestrator.models import Workflow
from orchestrator.processes.child import PROJECT
from tests import world


def steps_a_second(workflow: Workflow, processes: int, cases: int = 200) -> float:
    workers = [Worker("steps", workflow.slug) for _ in range(processes)]
    rows = [{"key": str(uuid4()), "data": {}} for _ in range(cases)]
    engine.start_cases(workflow, actor=world.actor("alice"), cases=rows)
    return rate_of(workers)


def cases_a_second(workflow: Workflow, processes: int, cases: int = 150) -> float:
    """From start to end, a person's decision in between; so many cases in each process."""
    names = [f"reviewer-{number}" for number in range(processes)]
    return rate_of([Worker("cases", workflow.slug, str(cases), name) for name in names])


def rate_of(workers: Sequence[Worker]) -> float:
    """What they do a second, all at once."""
    start = time.monotonic()
    for one in workers:
        one.go()
    done = sum(one.done() for one in workers)
    return done / (time.monotonic() - start)


class Worker:
    """One process of ``tests.bench.working``, ready to begin."""

    def __init__(self, *asked: str) -> None:
        self.start([sys.executable, "-m", "tests.bench.working", *asked])

    def start(self, argv: list[str]) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, cwd=PROJECT)
        self._line()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def done(self) -> int:
        """How many steps or cases it has finished, when nothing is left."""
        count = int(self._line())
        self.process.communicate()
        return count

    def finish(self) -> None:
        self.go()
        self.done()

    def _line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()
