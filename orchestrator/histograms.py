"""Histograms of durations that add up: logarithmic buckets, eight for each doubling.

JSON objects of bucket -> count, so that hours add up to days and any of their quantiles is
within 5 % of the true one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
