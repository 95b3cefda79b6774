"""What a sweep costs while a million cases wait: for a time, for a signal, for people.

The rows are those that the engine writes, but for the events: no sweep reads them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Final

from django.db import connection, transaction
from django.db.models import Model

from orchestrator import engine, metrics
from orchestrator.models import Attempt, Case, Routing, Seat, Timer
from tests import world
from tests.bench import filling, place
from tests.bench.load import LUNCH, TEXT
from tests.bench.report import Row
from tests.orchestrator import flows

TIMES: Final = 5
PARKED: Final = 1_000_000
REMINDED: Final = {
    "workflow: expenses": "workflow: reminded",
    "decide_within: 4h": "decide_within: 30d\n        remind_before: 1h",
}
LATER: Final = f"interval '30 days' + {filling.LATER} + clock_timestamp()"
PENDED: Final = f"CASE WHEN mod(g, 10) = 0 THEN {LATER} END"

Part = Callable[[], object]
EACH_SECOND: Final[dict[str, Part]] = {
    "expire_leases": engine.expire_leases,
    "resume_due": engine.resume_due,
    "fire_seat_timers": engine.fire_seat_timers,
    "expire_seats": engine.expire_seats,
    "fire_timers": engine.fire_timers,
    "settle_due": engine.settle_due,
    "is_work_ready": engine.is_work_ready,
    "is_bulk_pending": engine.is_bulk_pending,
}
NOW_AND_THEN: Final[dict[str, Part]] = {
    "measure, each minute": metrics.measure,
    "/metrics": metrics.exposition,
}


def sweeps(count: int = PARKED) -> Iterator[Row]:
    """Each part of a sweep, beside the same while a hundredth as many cases wait."""
    parts = EACH_SECOND | NOW_AND_THEN
    waits = _workflows()
    few = count // 100
    _park(waits, few)
    place.rest()
    before = {name: _milliseconds(part) for name, part in parts.items()}
    _park(waits, count - few)
    place.rest()
    after = {name: _milliseconds(part) for name, part in parts.items()}
    sums = [sum(found[name] for name in EACH_SECOND) for found in (after, before)]
    yield Row(f"a sweep, {count:,} parked, beside a hundredth", sums[0], "ms", sums[1], "<= 50")
    for name in parts:
        yield Row(f"- {name}", after[name], "ms", before[name])


def _milliseconds(part: Part) -> float:
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        part()
        took.append(1000 * (time.perf_counter() - start))
    return statistics.median(took)


def _workflows() -> list[Case]:
    """One case of each kind that waits."""
    text = flows.definition(
        [flows.step("rest", "timer", flow={"after": "30d"})], "rest done", workflow="resting"
    )
    resting = flows.begun(flows.published(text))
    awaited = flows.step("news", "event", flow={"signal": "paid", "within": "30d"})
    text = flows.definition([awaited], "news done", workflow="awaiting")
    awaiting = flows.begun(flows.published(text))
    reviewed = world.in_review(world.workflow(**REMINDED), LUNCH, text=TEXT).case
    return [resting, awaiting, reviewed]


def _park(examples: list[Case], count: int) -> None:
    for case in examples:
        _copy(case, count // len(examples))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


@transaction.atomic
def _copy(case: Case, count: int) -> None:
    rows = _rows(case)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        past = {name: filling._largest(cursor, type(row)) for name, row in rows.items()}
        for name, row in rows.items():
            changed = filling._changed(name, row, past, rows) | _own(name, past)
            filling._insert(cursor, row, changed, count)


def _own(name: str, past: filling.Offsets) -> dict[str, str]:
    return {
        "case": {"key": f"'parked-' || ({past['case']} + g)"},
        "timer": {"due_at": LATER},
        "seat": {"due_at": LATER, "back_at": PENDED},
    }.get(name, {})


def _rows(case: Case) -> dict[str, Model]:
    task = case.tasks.get()
    found: dict[str, Model] = {"case": case, "task": task}
    for model in (Attempt, Routing, Seat):
        for row in model._default_manager.filter(task=task):
            found[model._meta.model_name or ""] = row
    owner = {"seat": found["seat"]} if "seat" in found else {"task": task}
    found["timer"] = Timer.objects.get(**owner)
    return found
