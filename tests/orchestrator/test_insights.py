"""Rates, intervals, bars and words of the insights."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engine.measuring import band
from orchestrator.insights import PERIODS, Band, Share, added, charts, wording
from orchestrator.insights.reading import Slice, _cut

NOW = datetime(2026, 3, 31, 13, 42, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 10**6), min_size=3, max_size=3)


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (45, 50, 0.786, 0.957), (500, 1000, 0.469, 0.531)],
)
def test_wilsons_interval(part: int, whole: int, low: float, high: float) -> None:
    assert Share(part, whole).interval == pytest.approx((low, high), abs=0.001)


def test_of_nothing_everything_is_possible() -> None:
    assert (Share(0, 0).value, Share(0, 0).interval) == (None, (0, 1))


@given(whole=st.integers(1, 10**6), data=st.data())
def test_a_share_is_within_its_interval(whole: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, whole)), whole)
    low, high = share.interval

    assert 0 <= low <= (share.value or 0) + 1e-9
    assert (share.value or 0) - 1e-9 <= high <= 1


@pytest.mark.parametrize(
    ("confidence", "key"),
    [
        (None, "unknown"),
        (0, "0"),
        (0.1, "1"),
        (0.29999, "2"),
        (0.7, "7"),
        (0.9, "9"),
        (1.0, "9"),
        (0.8999999999999999, "8"),
    ],
)
def test_bands_begin_at_their_edge(confidence: float | None, key: str) -> None:
    assert band(confidence) == key


def test_an_agent_is_too_sure_only_where_the_interval_says_so() -> None:
    assert Band("9", Share(4, 5)).verdict == ""
    assert Band("9", Share(60, 100)).verdict == "over"
    assert Band("2", Share(60, 100)).verdict == "under"
    assert Band("unknown", Share(0, 100)).verdict == ""


@given(first=COUNTS, second=COUNTS)
def test_bars_stay_within_their_chart(first: list[int], second: list[int]) -> None:
    for chart in (
        charts.beside([("held", first), ("said", second)]),
        charts.stacked([("held", first), ("said", second)]),
        charts.layered([("held", first), ("said", second)]),
    ):
        for bar in chart.bars:
            assert bar.x >= 0
            assert bar.x + bar.width <= chart.width + 0.1
            assert bar.y >= -0.1
            assert bar.y + bar.height <= 100.1
            assert bar.height > 0


@given(largest=st.floats(0.001, 1e9))
def test_the_upper_edge_is_a_round_number_not_far_above(largest: float) -> None:
    top = charts.nice(largest)

    assert largest <= top * (1 + 1e-9)
    assert top <= max(1, largest * 2.1) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("largest", "top"), [(0, 1), (7, 10), (1900, 3600), (50_000, 86_400), (10**6, 2 * 7 * 86_400)]
)
def test_durations_end_at_a_round_one(largest: float, top: float) -> None:
    assert charts.nice_duration(largest) == top


def test_bars_of_one_look_are_one_path() -> None:
    chart = charts.beside([("held", [1, 0, 2]), ("said", [0, 1, 0])])

    assert [(look, path.count("z")) for look, path in chart.paths] == [("held", 2), ("said", 1)]
    assert chart.paths[0][1].startswith("M1.5 50.0h3.5v50.0h-3.5z")


def test_a_calibration_marks_what_was_too_sure() -> None:
    bands = [Band(str(number), Share(0, 0)) for number in range(9)] + [Band("9", Share(60, 100))]

    looks = {bar.look for bar in charts.calibration(bands).bars}

    assert looks == {"band", "wrong", "wrong faint"}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.004, "4 ms"),
        (0.84, "840 ms"),
        (0.97, "1 s"),
        (8, "8 s"),
        (61, "1 min"),
        (3590, "1 h"),
        (5400, "1.5 h"),
        (200_000, "2.3 d"),
    ],
)
def test_durations_in_words(seconds: float | None, told: str) -> None:
    assert wording.duration(seconds) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (0, "0%"), (0.001, "< 1%"), (0.824, "82%"), (0.999, "> 99%"), (1, "100%")],
)
def test_what_is_not_all_is_never_told_as_all(value: float | None, told: str) -> None:
    assert wording.percent(value) == told


def test_money_keeps_its_currencies() -> None:
    assert wording.money({"USD": 3_000_000, "EUR": 1_200}) == "0.0012 EUR + 3.00 USD"
    assert wording.money({"EUR": 2_500_000}, among=2) == "1.25 EUR"
    assert wording.money({}) == wording.money({"EUR": 5}, among=0) == "–"


@pytest.mark.parametrize(
    ("period", "first", "count"),
    [
        ("24h", datetime(2026, 3, 30, 14, tzinfo=UTC), 24),
        ("7d", datetime(2026, 3, 25, tzinfo=UTC), 7),
        ("30d", datetime(2026, 3, 2, tzinfo=UTC), 30),
    ],
)
def test_a_period_is_cut_without_gaps(period: str, first: datetime, count: int) -> None:
    since = PERIODS[period].since(NOW)
    assert since == first

    parts = list(_cut(since, PERIODS[period].grain, NOW))

    assert len(parts) == count
    assert all(left.end == right.start for left, right in pairwise(parts))
    assert parts[-1].start <= NOW < parts[-1].end


def test_months_are_as_long_as_they_are() -> None:
    parts = list(_cut(datetime(2025, 12, 5, tzinfo=UTC), "month", NOW))

    assert [part.start.strftime("%Y-%m") for part in parts] == [
        "2025-12",
        "2026-01",
        "2026-02",
        "2026-03",
    ]


def test_slices_add_up() -> None:
    first, second = Slice(NOW, NOW), Slice(NOW, NOW)
    first.add("said", 2, {"approved": 2})
    second.add("said", 3, {"approved": 1, "rejected": 2})

    whole = added([first, second])

    assert whole.counts["said"] == 5
    assert whole.histograms["said"] == {"approved": 3, "rejected": 2}
