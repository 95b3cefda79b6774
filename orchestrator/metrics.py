"""Numbers about the work, in the text format of Prometheus: counts and ages, no content.

Each part is one query along an index, ended after two seconds. What takes longer by nature
(orphans) is measured each minute by a job, and read here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any, Final

from django.conf import settings
from django.db import OperationalError, connection, transaction

from orchestrator import lifesigns, pressure
from orchestrator.engine import breaking
from orchestrator.engine.orphans import walk_on
from orchestrator.models import Breaker, Connection

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
MILLISECONDS: Final = 2000

TASKS: Final = """
SELECT count(*) FILTER (WHERE state = 'ready'), count(*) FILTER (WHERE state = 'running'),
    count(*) FILTER (WHERE state = 'decided'),
    count(*) FILTER (WHERE state = 'decided' AND settle_at <= clock_timestamp()),
    COALESCE(extract(epoch FROM clock_timestamp() - min(run_at)
        FILTER (WHERE state = 'ready' AND run_at <= clock_timestamp())), 0)::float8
FROM orchestrator_task WHERE state = 'ready' OR state = 'running' OR state = 'decided'
"""
SEATS: Final = """
SELECT count(DISTINCT task_id), count(*), count(*) FILTER (WHERE due_at <= clock_timestamp()),
    count(*) FILTER (WHERE claim_expires_at > clock_timestamp())
FROM orchestrator_seat WHERE state = 'open'
"""
CASES: Final = """
SELECT count(*) FROM orchestrator_case WHERE state IN ('open', 'cancelling')
"""
INCIDENTS: Final = """
SELECT kind, count(*) FROM orchestrator_incident WHERE state = 'open' GROUP BY kind ORDER BY kind
"""
PAUSED: Final[Mapping[str, float]] = {
    Breaker.CLOSED: 0.0,
    Breaker.HALF_OPEN: 0.5,
    Breaker.OPEN: 1.0,
}
# The counters are read, not the cases: those only grow.
CLOSED: Final = """
SELECT w.slug, ended.key, sum(ended.value::bigint)
FROM orchestrator_workflow w
JOIN orchestrator_counter c ON c.scope = 'month/' || w.id || '/*' AND c.measure = 'ended'
CROSS JOIN LATERAL jsonb_each_text(c.histogram) AS ended
GROUP BY w.slug, ended.key ORDER BY w.slug, ended.key
"""
HALTED: Final = "SELECT slug, halted_at IS NOT NULL FROM orchestrator_workflow ORDER BY slug"


@dataclass(frozen=True, slots=True)
class Gauge:
    """One metric with its samples: labels -> value."""

    name: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield f"# HELP rewire_{self.name} {self.help}"
        yield f"# TYPE rewire_{self.name} gauge"
        for labels, value in self.samples:
            inner = ",".join(f'{name}="{_escaped(text)}"' for name, text in labels.items())
            yield f"rewire_{self.name}{f'{{{inner}}}' if inner else ''} {_number(value)}"


def _number(value: float) -> str:
    return "+Inf" if value == float("inf") else "NaN" if isnan(value) else f"{value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _one(name: str, help_: str, value: float) -> Gauge:
    return Gauge(name, help_, [({}, value)])


def exposition() -> str:
    """All metrics. A part whose query fails or takes too long is named instead of shown."""
    lines, missing = [], Gauge("metrics_missing", "1 where a part could not be read in time.")
    for part in PARTS:
        try:
            found = _bounded(part)
        except OperationalError:
            found = []
        missing.samples.append(({"part": part.__name__.strip("_")}, float(not found)))
        lines += [line for gauge in found for line in gauge.lines()]
    return "\n".join([*lines, *missing.lines(), ""])


def _bounded(part: Callable[[], list[Gauge]]) -> list[Gauge]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {MILLISECONDS}")
        return part()


def _row(sql: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: tuple[Any, ...] = cursor.fetchone()
    return found


def _cases() -> list[Gauge]:
    (open_,) = _row(CASES)
    with connection.cursor() as cursor:
        cursor.execute(INCIDENTS)
        rows = cursor.fetchall()
    total = sum(count for _kind, count in rows)
    kinds: list[tuple[Mapping[str, str], float]] = [({"kind": kind}, n) for kind, n in rows]
    return [
        _one("cases_open", "Cases that are under way.", open_),
        _one("incidents_open", "Tasks that wait for a person to resolve an incident.", total),
        Gauge("incidents", "The same by kind of incident.", kinds),
    ]


def _closed() -> list[Gauge]:
    with connection.cursor() as cursor:
        cursor.execute(CLOSED)
        rows = cursor.fetchall()
    samples: list[tuple[Mapping[str, str], float]] = [
        ({"workflow": slug, "outcome": outcome}, float(count)) for slug, outcome, count in rows
    ]
    return [Gauge("cases", "Closed cases by workflow and outcome.", samples)]


def _tasks() -> list[Gauge]:
    ready, running, decided, overdue, oldest = _row(TASKS)
    states = {"ready": ready, "running": running, "decided": decided}
    samples: list[tuple[Mapping[str, str], float]] = [
        ({"state": name}, count) for name, count in states.items()
    ]
    return [
        Gauge("tasks", "Tasks of machines, and those in their undo window, by state.", samples),
        _one("ready_oldest_seconds", "How long the oldest due machine task waits.", oldest),
        _one("settle_overdue", "Decided tasks past their undo window.", overdue),
    ]


def _seats() -> list[Gauge]:
    tasks, seats, late, claims = _row(SEATS)
    return [
        _one("tasks_in_review", "Tasks that wait for people.", tasks),
        _one("seats_open", "Places for a decider that wait.", seats),
        _one("seats_late", "Open seats past their due time.", late),
        _one("claims_live", "Seats that somebody holds right now.", claims),
    ]


def _halted() -> list[Gauge]:
    with connection.cursor() as cursor:
        cursor.execute(HALTED)
        rows = cursor.fetchall()
    # The built-in workflow stands for all of them.
    samples: list[tuple[Mapping[str, str], float]] = [
        ({"workflow": "*" if slug == "changes" else slug}, float(halted)) for slug, halted in rows
    ]
    return [Gauge("halted", "1 where automatic approval is stopped; * is everywhere.", samples)]


def _connections() -> list[Gauge]:
    busy = breaking.under_way()
    rows = Connection.objects.order_by("name").values_list("pk", "name", "breaker", "failures")
    found = [({"connection": name}, pk, breaker, failed) for pk, name, breaker, failed in rows]
    return [
        Gauge(
            "connection_paused",
            "1 while calls of a connection pause, 0.5 while one call tries.",
            [(labels, PAUSED[breaker]) for labels, _pk, breaker, _failed in found],
        ),
        Gauge(
            "connection_failures",
            "Calls that failed in a row.",
            [(labels, failed) for labels, _pk, _breaker, failed in found],
        ),
        Gauge(
            "calls_under_way",
            "Calls of a connection under way, over all workers.",
            [(labels, busy.get(pk, 0)) for labels, pk, _breaker, _failed in found],
        ),
    ]


def _waiting() -> list[Gauge]:
    return [
        _one("work_waiting", "Due machine tasks, counted up to MOST_WAITING.", pressure.waiting()),
        _one(
            "work_waiting_most",
            "From how many on cases are refused; 0 is never.",
            settings.MOST_WAITING,
        ),
    ]


def _processes() -> list[Gauge]:
    signs = lifesigns.signs()
    silence: list[tuple[Mapping[str, str], float]] = [
        ({"process": name}, signs.seconds.get(name, float("inf")))
        for name in (lifesigns.TIMERS, lifesigns.WORKER)
    ]
    return [
        _one("processing", "1 while timers and a worker report.", not signs.silent()),
        Gauge("silence_seconds", "Seconds since such a process reported.", silence),
        _one("orphans", "Cases and tasks that nothing moves; 0 is the law.", _orphans(signs)),
        _one("measured_seconds", "Age of rewire_orphans.", _age(signs)),
    ]


def _orphans(signs: lifesigns.Signs) -> float:
    return float(signs.measured.get("orphans", "nan"))


def _age(signs: lifesigns.Signs) -> float:
    return signs.seconds.get(lifesigns.MEASURE, float("inf"))


PARTS: Final = (_cases, _closed, _tasks, _seats, _connections, _waiting, _halted, _processes)


def measure() -> dict[str, Any]:
    """What takes a while to count: orphans, two seconds further through all that is open."""
    walk = walk_on(lifesigns.signs().measured.get("walk", {}))
    return {"orphans": walk.count, "walk": walk.as_json()}
