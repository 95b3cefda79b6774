"""Rates, intervals and quantiles of what was counted."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Final

from orchestrator.histograms import quantile
from orchestrator.insights.reading import Histogram, Slice

Z: Final = 1.959964
"""Of the normal distribution: 95 % lie within."""
OVERRIDES: Final = ("corrected", "rejected")
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval; everything is possible when nothing is known."""
        if not self.whole:
            return 0.0, 1.0
        n, p = self.whole, self.part / self.whole
        spread = Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n))
        middle, scale = p + Z * Z / (2 * n), 1 + Z * Z / n
        return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


@dataclass(frozen=True, slots=True)
class Band:
    """Outputs of one tenth of confidence that people judged, and how many they agreed with."""

    key: str
    share: Share

    @property
    def bounds(self) -> tuple[float, float] | None:
        return None if self.key == UNKNOWN else (int(self.key) / 10, (int(self.key) + 1) / 10)

    @property
    def verdict(self) -> str:
        """``over`` or ``under`` confident where the interval says so, else ""."""
        if self.bounds is None or not self.share.whole:
            return ""
        low, high = self.share.interval
        if high < self.bounds[0]:
            return "over"
        return "under" if low > self.bounds[1] else ""


@dataclass(frozen=True, slots=True)
class Spread:
    """Of so many durations the median and the ninth of ten, in seconds."""

    count: int
    p50: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One slice, or all of a period, in figures."""

    started: int
    completed: int
    cancelled: int
    lead: Spread
    latency: Spread
    waited: Spread
    seconds: Spread
    automation: Share
    blocked: int
    asked: int
    reasons: Histogram
    overrides: Share
    said: Histogram
    answered: int
    bands: list[Band]
    tries: int
    failed: int
    cost: Histogram

    @property
    def outputs(self) -> int:
        return self.tries - self.failed

    @property
    def is_empty(self) -> bool:
        return not (self.started or self.completed or self.tries or self.said or self.answered)


def figures(part: Slice) -> Figures:
    counts, histograms = part.counts, part.histograms
    said = dict(histograms.get("said", {}))
    auto, blocked, asked = (counts.get(name, 0) for name in ("auto", "blocked", "asked"))
    return Figures(
        started=counts.get("started", 0),
        completed=counts.get("completed", 0),
        cancelled=counts.get("cancelled", 0),
        lead=spread(part, "lead"),
        latency=spread(part, "latency"),
        waited=spread(part, "waited"),
        seconds=spread(part, "seconds"),
        automation=Share(auto, auto + blocked + asked),
        blocked=blocked,
        asked=asked,
        reasons=dict(histograms.get("asked", {})),
        overrides=_overrides(said),
        said=said,
        answered=counts.get("answered", 0),
        bands=_bands(part),
        tries=counts.get("tries", 0),
        failed=counts.get("failed", 0),
        cost=dict(histograms.get("cost", {})),
    )


def _overrides(said: Histogram) -> Share:
    """Of what people said of outputs; to escalate says nothing of them."""
    overridden = sum(said.get(word, 0) for word in OVERRIDES)
    return Share(overridden, overridden + said.get("approved", 0))


def spread(part: Slice, measure: str) -> Spread:
    """Of the durations that a measure has counted."""
    found = part.histograms.get(measure, {})
    return Spread(sum(found.values()), quantile(found, 0.5), quantile(found, 0.9))


def _bands(part: Slice) -> list[Band]:
    """From 0 to 1, and the unknown last; those in which nothing was judged too."""
    judged, agreed = (part.histograms.get(name, {}) for name in ("judged", "agreed"))
    keys = [*map(str, range(10)), UNKNOWN]
    return [Band(key, Share(agreed.get(key, 0), judged.get(key, 0))) for key in keys]
