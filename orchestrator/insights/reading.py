"""Counter rows of one workflow in one period. Costs the same however much has happened."""

from __future__ import annotations

from collections import Counter as Counts
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.utils.translation import gettext_noop

from orchestrator.histograms import beginning
from orchestrator.models import Counter

Histogram = dict[str, int]


@dataclass(frozen=True, slots=True)
class Period:
    """So many hours, days or months up to now; None is all months there are."""

    key: str
    label: str
    grain: str
    length: int | None

    def since(self, now: datetime) -> datetime | None:
        """When its first slice begins, in UTC."""
        if self.length is None:
            return None
        step = timedelta(hours=1) if self.grain == "hour" else timedelta(days=1)
        return beginning(now, self.grain) - (self.length - 1) * step


PERIODS: Final = {
    period.key: period
    for period in (
        Period("24h", gettext_noop("24 hours"), "hour", 24),
        Period("7d", gettext_noop("7 days"), "day", 7),
        Period("30d", gettext_noop("30 days"), "day", 30),
        Period("all", gettext_noop("All"), "month", None),
    )
}


@dataclass(slots=True)
class Slice:
    """What was counted from ``start`` until ``end``: sums and histograms by measure."""

    start: datetime
    end: datetime
    counts: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, Histogram] = field(default_factory=dict)

    def add(self, measure: str, count: int, histogram: Mapping[str, int] | None) -> None:
        self.counts[measure] = self.counts.get(measure, 0) + count
        mine = self.histograms.setdefault(measure, {})
        for key, amount in (histogram or {}).items():
            mine[key] = mine.get(key, 0) + amount


def slices(workflow: int, part: str, period: Period, now: datetime) -> list[Slice]:
    """The hours, days or months of a period without gaps, oldest first. One query.

    ``part`` is the number of a version, ``@`` and the id of an agent, or ``*`` for all.
    """
    rows = Counter.objects.filter(scope=f"{period.grain}/{workflow}/{part}")
    since = period.since(now)
    if since is not None:
        rows = rows.filter(hour__gte=since)
    found = list(rows.values_list("measure", "hour", "count", "histogram"))
    first = since or min((hour for _, hour, _, _ in found), default=now)
    made = {part.start: part for part in _cut(first, period.grain, now)}
    for measure, hour, count, histogram in found:
        # A counter ahead of this machine's clock is of the slice that is under way.
        made.get(hour, made[max(made)]).add(measure, count, histogram)
    return list(made.values())


def _cut(first: datetime, grain: str, now: datetime) -> Iterator[Slice]:
    start = beginning(first, grain)
    while start <= now:
        end = _after(start, grain)
        yield Slice(start, end)
        start = end


def _after(start: datetime, grain: str) -> datetime:
    if grain == "month":
        return beginning(start + timedelta(days=32), "month")
    return start + (timedelta(hours=1) if grain == "hour" else timedelta(days=1))


def added(parts: Iterable[Slice]) -> Slice:
    """All slices as one; there is at least one."""
    parts = list(parts)
    whole = Slice(parts[0].start, parts[-1].end)
    for part in parts:
        for measure, count in part.counts.items():
            whole.add(measure, count, part.histograms.get(measure))
    return whole


def routed_in(workflows: Iterable[int], period: Period, now: datetime) -> dict[int, Counts[str]]:
    """Workflow -> outputs that were ``auto``, ``blocked`` or ``asked``, at least one. One query."""
    found: dict[int, Counts[str]] = defaultdict(Counts)
    rows = Counter.objects.filter(
        scope__in=[f"{period.grain}/{workflow}/*" for workflow in workflows],
        measure__in=("auto", "blocked", "asked"),
    )
    if since := period.since(now):
        rows = rows.filter(hour__gte=since)
    for scope, measure, count in rows.values_list("scope", "measure", "count"):
        found[int(scope.split("/")[1])][measure] += count
    return {workflow: counts for workflow, counts in found.items() if counts.total() > 0}


def now_in(workflows: Iterable[int]) -> dict[int, dict[str, int]]:
    """Workflow -> ``open`` cases and tasks ``in_review``, seconds ago. One query."""
    found = {workflow: {"open": 0, "in_review": 0} for workflow in workflows}
    scopes = [f"now/{workflow}/*" for workflow in found]
    rows = Counter.objects.filter(scope__in=scopes, measure__in=("open", "in_review"))
    for scope, measure, count in rows.values_list("scope", "measure", "count"):
        found[int(scope.split("/")[1])][measure] = max(0, count)
    return found
