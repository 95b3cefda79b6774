"""What adds up: hours to days and months, and histograms of durations.

A histogram has logarithmic buckets, eight for each doubling:
JSON objects of bucket -> count, whose quantiles are within 5 % of the true ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

PER_DOUBLING: Final = 8
LEAST: Final = 0.001
"""Seconds; what is shorter counts as this."""


def bucket(seconds: float) -> int:
    return math.floor(PER_DOUBLING * math.log2(max(seconds, LEAST)))


def middle(number: int) -> float:
    """Seconds in the middle of a bucket, as ratios go."""
    return float(2 ** ((number + 0.5) / PER_DOUBLING))


def quantile(histogram: Mapping[str, int], share: float) -> float | None:
    """The seconds below which ``share`` of all lie; None of an empty histogram."""
    rows = sorted((int(key), count) for key, count in histogram.items() if count > 0)
    wanted = share * sum(count for _, count in rows)
    reached = 0
    for number, count in rows:
        reached += count
        if reached >= wanted:
            return middle(number)
    return None


def beginning(at: datetime, grain: str) -> datetime:
    """When the hour, day or month of ``at`` began, in UTC."""
    at = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if grain == "hour":
        return at
    return at.replace(hour=0) if grain == "day" else at.replace(hour=0, day=1)
