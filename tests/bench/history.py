"""The counters of two busy years: what a million decisions leave for the insights to read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection

from orchestrator.histograms import beginning
from orchestrator.models import Counter, Debut, DecisionRight, Workflow

HOURLY: Final = 57
HOURS: Final = 2 * 365 * 24
STEPS: Final = {"hour": 1, "day": 24, "month": 24 * 28}
"""Hours from one counter to the next, or a little less: the same month is written once."""

Sum = tuple[int, dict[str, int] | None]


def two_years(workflow: Workflow) -> int:
    """Write them, in place of those that are there; returns how many decisions they count.

    They are of one version, and of the agents that have answered in the workflow.
    """
    Counter.objects.exclude(scope__startswith="now").delete()
    sums = _an_hour(workflow)
    now = datetime.now(UTC)
    for grain in STEPS:
        Counter.objects.bulk_create(
            _rows(workflow, grain, now, sums), batch_size=5000, ignore_conflicts=True
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orchestrator_counter")
    return HOURLY * HOURS


def _an_hour(workflow: Workflow) -> dict[str, Sum]:
    lasted = {str(number): 2 for number in range(40, 130)}
    tenths = {str(number): 5 for number in range(10)}
    rights = DecisionRight.objects.filter(step__version__workflow=workflow)
    asked = {str(right.pk): 14 for right in rights}
    plain = ("started", "completed", "auto", "blocked", "tries", "failed")
    return {
        **dict.fromkeys(plain, (HOURLY, None)),
        **dict.fromkeys(("lead", "waited", "seconds", "latency"), (180, lasted)),
        "said": (HOURLY, {"approved": 40, "corrected": 12, "rejected": 5}),
        "asked": (HOURLY, asked),
        "judged": (50, tenths),
        "agreed": (40, tenths),
        "cost": (9000, {"EUR": 9000}),
    }


def _rows(workflow: Workflow, grain: str, now: datetime, sums: dict[str, Sum]) -> Iterator[Counter]:
    agents = Debut.objects.filter(workflow=workflow).values_list("actor", flat=True)
    parts = ("*", "1", *(f"@{agent}" for agent in agents))
    for back in range(0, HOURS, STEPS[grain]):
        hour = beginning(now - timedelta(hours=back), grain)
        for part in parts:
            for measure, (count, histogram) in sums.items():
                yield Counter(
                    scope=f"{grain}/{workflow.pk}/{part}",
                    measure=measure,
                    hour=hour,
                    count=count,
                    histogram=histogram,
                )
