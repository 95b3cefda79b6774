"""Durations in logarithmic buckets."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.histograms import beginning, bucket, middle, quantile

SECONDS = st.lists(st.floats(0.002, 1e8), min_size=1, max_size=60)


def counted(seconds: list[float]) -> dict[str, int]:
    return {str(number): count for number, count in Counter(map(bucket, seconds)).items()}


@given(seconds=SECONDS, share=st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]))
def test_a_quantile_is_within_five_percent(seconds: list[float], share: float) -> None:
    exact = sorted(seconds)[max(0, ceil(share * len(seconds)) - 1)]

    assert quantile(counted(seconds), share) == pytest.approx(exact, rel=0.05)


@given(first=SECONDS, second=SECONDS)
def test_histograms_add_up(first: list[float], second: list[float]) -> None:
    added = Counter(counted(first)) + Counter(counted(second))

    assert added == Counter(counted(first + second))


def test_nothing_has_no_quantile() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({"3": 0}, 0.5) is None


def test_no_time_at_all_is_the_shortest() -> None:
    assert bucket(0) == bucket(-5) == bucket(0.001)
    assert middle(bucket(0)) < 0.002


def test_the_beginning_of_an_hour_a_day_and_a_month() -> None:
    at = datetime(2026, 5, 17, 13, 42, 7, tzinfo=UTC)

    assert beginning(at, "hour") == datetime(2026, 5, 17, 13, tzinfo=UTC)
    assert beginning(at, "day") == datetime(2026, 5, 17, tzinfo=UTC)
    assert beginning(at, "month") == datetime(2026, 5, 1, tzinfo=UTC)
