"""What is measured, in the order in which it runs."""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any, Final

from django.db import connection, transaction
from django.utils import timezone
from psycopg.types.json import Jsonb

from orchestrator.models import Attempt, Case, Task, Workflow
from orchestrator.processes.group import beat, timers, worker
from tests import world
from tests.bench import capacity, machine, parking, place, report
from tests.bench.filling import multiply
from tests.bench.history import two_years
from tests.bench.load import LUNCH, TEXT
from tests.bench.peers.beside_dbos import ten_steps
from tests.bench.place import Place, load
from tests.bench.report import Row
from tests.bench.screens import screens
from tests.bench.workers import cases_a_second, steps_a_second
from tests.bench.world import World, booking, made, steps

WINDOWS: Final = 3
SECONDS: Final = 3.0
NAMES: Final = (
    *("steps", "peers", "capacity", "queue", "reviews", "screens", "export", "intake", "insights"),
    "parked",
)
BATCH_ROWS: Final = 5
"""A case, its task, two events and the attempt."""

Rows = Iterator[Row]
names = count()


def main() -> None:
    asked = argparse.ArgumentParser(prog="python -m tests.bench")
    asked.add_argument("--only", default=",".join(NAMES), help=f"of {', '.join(NAMES)}")
    asked.add_argument("--cases", type=int, default=100_000)
    asked.add_argument("--parked", type=int, default=parking.PARKED)
    found = asked.parse_args()
    started = time.monotonic()
    rows: list[Row] = []
    report.head()
    with place.running() as here:
        run = Run(here, made(), found.cases, found.parked)
        for name in NAMES:
            if name in found.only.split(","):
                with _told(name):
                    rows += shown(getattr(run, name)())
        rows += shown(_memory(here))
    report.write(rows, time.monotonic() - started)


@contextmanager
def _told(name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def shown(rows: Rows) -> Rows:
    for row in rows:
        report.show(row)
        yield row


def _memory(here: Place) -> Rows:
    ours, floor = (machine.resident(child.pid) for child in (here.server, here.floor_server))
    yield Row("web memory, 2 processes", ours, "MiB", floor, "<= 210")


def best(window: Callable[[], float]) -> float:
    """The best of three short windows: others use this machine too."""
    return max(window() for _ in range(WINDOWS))


class Run:
    """One run over one database, which fills up on the way."""

    def __init__(self, here: Place, people: World, cases: int, most_parked: int) -> None:
        self.here, self.people, self.cases = here, people, cases
        self.most_parked, self.filled = most_parked, 0

    def steps(self) -> Rows:
        """The engine alone, without HTTP and broker; then one case with broker and worker."""
        five = steps(5)
        for processes in (1, 2):
            rate = best(lambda many=processes: steps_a_second(five, many))  # type: ignore[misc]
            yield Row(
                f"steps/s, {processes} worker", rate, "", aim=">= 430" if processes == 2 else ""
            )
        rate = best(lambda: cases_a_second(self.people.expenses, 2))
        yield Row("cases/s, each with one decision, 2 processes", rate, "", aim=">= 350")
        onward = _onward(booking())
        yield Row("from decision to the next step's start, p50", onward, "ms", aim="<= 10")

    def peers(self) -> Rows:
        return ten_steps()

    def capacity(self) -> Rows:
        return capacity.case(self.here, self.people.expenses)

    def parked(self) -> Rows:
        """At the end: nothing else is measured beside so many."""
        return parking.sweeps(self.most_parked)

    def queue(self) -> Rows:
        """A page, and how fast reviewers are, as the queue grows to ten times its length."""
        rates = []
        for cases in (self.cases // 10, self.cases):
            self.fill(cases)
            place.rest()
            rates.append(_rate(self._best_reviews(self.here.web, self.here.server.pid, 10, "due")))
            ours, floor = (
                load("pages", port, path="/review/", cookie=self.people.cookie, count=60)["page"]
                for port in (self.here.web, self.here.floor)
            )
            yield Row(f"queue page p50, {cases:,} open", ours["p50"], "ms", floor["p50"], "<= 25")
        name = f"reviews/s at {self.cases:,} open, beside a tenth"
        yield Row(name, rates[1], "", rates[0], ">= 0.9 floor")

    def reviews(self) -> Rows:
        self.fill(self.cases)
        place.rest()
        for people in (10, 50):
            floor = self._best_reviews(self.here.floor, self.here.floor_server.pid, people, "due")
            for order in ("due", "confidence"):
                ours = self._best_reviews(self.here.web, self.here.server.pid, people, order)
                yield from _compared(ours, floor, f"{people} reviewers, by {order}")

    def _best_reviews(self, port: int, pid: int, people: int, order: str) -> dict[str, Any]:
        """The window with the most reviews, after one that fills connections and caches."""
        windows = []
        for _ in range(1 + WINDOWS):
            with machine.used(pid, self.here.postgres.pid) as spent:
                found = self._reviews(port, people, order)
            windows.append(
                found | {"cpu": [1000 * one / found["decide"]["count"] for one in spent]}
            )
        return max(windows[1:], key=_rate)

    def _reviews(self, port: int, people: int, order: str) -> dict[str, Any]:
        return load("reviews", port, self.people.keys[:people], seconds=SECONDS, order=order)

    def screens(self) -> Rows:
        self.fill(max(self.filled, 1000))
        place.rest()
        yield from screens(self.people, self.here.web)

    def export(self) -> Rows:
        """A hundred thousand verdicts, beside a bare iterator over as many rows."""
        _fill_decided(self.people.expenses, self.cases)
        _fill_floor("export", "approved", self.cases)
        place.rest()
        path, key = "/api/v1/feedback?workflow=expenses", self.people.program
        (ours, grown), (floors, floor_grown) = (
            _downloaded(port, child.pid, path if port == self.here.web else "/api/v1/feedback", key)
            for port, child in (
                (self.here.web, self.here.server),
                (self.here.floor, self.here.floor_server),
            )
        )
        yield Row(f"export rows/s, {self.cases:,} verdicts", ours, "", floors, ">= 0.5 floor")
        yield Row("export, memory beside", grown, "MiB", floor_grown, "<= 10")

    def insights(self) -> Rows:
        """Over the counters of two years, after whatever the other measures left."""
        decisions = two_years(self.people.expenses)
        for period in ("30d", "all"):
            path = f"/insights/?workflow=expenses&period={period}"
            found = load("pages", self.here.web, path=path, cookie=self.people.cookie, count=60)
            name = f"insights p50, {decisions:,} decisions, {period}"
            yield Row(name, found["page"]["p50"], "ms", aim="<= 50")

    def intake(self) -> Rows:
        place.rest()
        single = "/api/v1/workflows/expenses/cases"
        floor = best(lambda: self._intake(self.here.floor, single))
        for output, name in ((False, "a case"), (True, "a case routed to review")):
            rate = best(lambda given=output: self._intake(self.here.web, single, output=given))  # type: ignore[misc]
            yield Row(f"intake/s, {name} a request", rate, "", floor, ">= 0.6 floor")
        batch = f"{single}/batch"
        floor = best(lambda: self._intake(self.here.floor, f"{batch}/{BATCH_ROWS}", batch=1000))
        before = Case.objects.count()
        with machine.used(self.here.server.pid, self.here.postgres.pid) as spent:
            rate = best(lambda: self._intake(self.here.web, batch, batch=1000))
        yield Row("intake/s, batches of 1,000", rate, "", floor, ">= 0.6 floor")
        cases = Case.objects.count() - before
        for name, seconds in zip(("web", "db"), spent, strict=True):
            yield Row(f"CPU a case of a batch: {name}", 1000 * seconds / cases, "ms")

    def _intake(self, port: int, path: str, *, output: bool = True, batch: int = 0) -> float:
        keys = [self.people.program] * (2 if batch else 8)
        name = f"bench-{next(names)}"
        found = load(
            "intake", port, keys, seconds=SECONDS, path=path, name=name, output=output, batch=batch
        )
        return float(found["send"]["count"] / found["seconds"] * (batch or 1))

    def fill(self, cases: int) -> None:
        """Have so many open seats, and as many open rows on the floor."""
        more = cases - self.filled
        if more <= 0:
            return
        task = world.in_review(self.people.expenses, LUNCH, confidence=0.5, text=TEXT)
        multiply(task.case, more - 1)
        _fill_floor("open", "", more)
        self.filled = cases


FLOOR_ROWS: Final = """
INSERT INTO floor_item (key, data, output, confidence, due_at, state, word)
SELECT gen_random_uuid(), %(data)s, %(output)s, mod(g * 7919::bigint, 85000) / 100000.0,
    clock_timestamp() + mod(g * 104729::bigint, 86400) * interval '1 second', %(state)s, %(word)s
FROM generate_series(1, %(count)s) g
"""


def _fill_floor(state: str, word: str, count: int) -> None:
    row = {"data": Jsonb({"text": TEXT}), "output": Jsonb(LUNCH)}
    with place.connect("floor") as floor:
        floor.execute(FLOOR_ROWS, row | {"state": state, "word": word, "count": count})
        floor.execute("VACUUM ANALYZE floor_item")


def _compared(ours: dict[str, Any], floor: dict[str, Any], name: str) -> Rows:
    yield Row(f"reviews/s, {name}", _rate(ours), "", _rate(floor), ">= 0.5 floor")
    cpu, least = sum(ours["cpu"]), sum(floor["cpu"])
    yield Row(f"CPU per review, {name}: web", ours["cpu"][0], "ms", floor["cpu"][0])
    yield Row(f"CPU per review, {name}: web + db", cpu, "ms", least, "<= 8")
    for act, most in ("claim", 60), ("decide", 85):
        # With fifty at once on two cores the line is as long as there are people in it.
        aim = f"<= {most}" if name.startswith("10 ") else ""
        yield Row(f"{act} p95, {name}", ours[act]["p95"], "ms", floor[act]["p95"], aim)


def _rate(found: dict[str, Any]) -> float:
    return float(found["decide"]["count"] / found["seconds"])


def _fill_decided(expenses: Workflow, cases: int) -> None:
    task = world.in_review(expenses, LUNCH, confidence=0.5, text=TEXT)
    world.decided(task, "bea", "approved")
    multiply(Case.objects.get(pk=task.case_id), cases - 1)


def _downloaded(port: int, pid: int, path: str, key: str) -> tuple[float, float]:
    """Rows a second, the best of three, and by how many MiB the server grew in the last one."""
    rates, most = [], 0.0
    for _ in range(WINDOWS):
        with machine.growth(pid) as grown:
            found = load("download", port, [key], path=path)
        rates.append(found["rows"] / found["seconds"])
        most = grown[0]
    return max(rates), most


def _onward(workflow: Workflow, cases: int = 30) -> float:
    """Milliseconds from a decision's commit to the start of the machine step after it."""
    tasks = [world.in_review(workflow, confidence=0.5) for _ in range(cases)]
    connection.close()
    with place.beside(worker(), timers(), beat()):
        time.sleep(6)
        settled = {task.case_id: _settled(task) for task in tasks}
        time.sleep(3)
    begun = Attempt.objects.filter(task__case__in=settled).exclude(
        task__in=[task.pk for task in tasks]
    )
    began = begun.values_list("task__case", "started_at")
    took = [(start - settled[case]).total_seconds() * 1000 for case, start in began]
    assert len(took) == cases, "a machine step was not performed"
    connection.close()
    return float(statistics.median(took))


def _settled(task: Task) -> datetime:
    """Have it approved; returns when that was committed, before any worker is rung for."""
    at: list[datetime] = []
    with transaction.atomic():
        transaction.on_commit(lambda: at.append(timezone.now()))
        world.decided(task, "bea", "approved")
    time.sleep(0.05)
    return at[0]
