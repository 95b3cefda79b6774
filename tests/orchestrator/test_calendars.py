"""Business time against a naive walk over the minutes, and the days on which clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.calendars import DAYS, EXAMPLE, between, due, problems
from orchestrator.definitions import reading

OFFICE = {
    "timezone": "Europe/Berlin",
    "hours": {day: ["09:00-12:00", "13:00-17:00"] for day in DAYS[:5]},
    "holidays": ["2026-12-25"],
}
NIGHT = {"timezone": "Europe/Berlin", "hours": {day: ["01:00-04:00"] for day in DAYS}}
HOUR = 3600
# Clocks change by an hour, by half an hour, at midnight, and once by a whole day.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
CHANGES = (
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2006, 10, 29),
    date(2026, 4, 5),
    date(2011, 12, 30),
)


@st.composite
def calendars(draw: st.DrawFn) -> dict[str, Any]:
    hours = {}
    for day in draw(st.sets(st.sampled_from(DAYS), min_size=1)):
        marks = sorted(draw(st.sets(st.integers(0, 24 * 60), min_size=2, max_size=6)))
        pairs = zip(marks[::2], marks[1::2], strict=False)
        hours[day] = [f"{_clock(begin)}-{_clock(end)}" for begin, end in pairs]
    near = [day + timedelta(days=n) for day in CHANGES for n in range(-2, 3)]
    off = draw(st.sets(st.sampled_from(near), max_size=4))
    zone = draw(st.sampled_from(ZONES))
    return {"timezone": zone, "hours": hours, "holidays": sorted(day.isoformat() for day in off)}


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


@st.composite
def starts(draw: st.DrawFn) -> datetime:
    day = draw(st.sampled_from(CHANGES))
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return begin + timedelta(minutes=draw(st.integers(-2 * 1440, 2 * 1440)))


def _is_open(calendar: dict[str, Any], instant: datetime) -> bool:
    wall = instant.astimezone(ZoneInfo(calendar["timezone"]))
    if wall.date().isoformat() in calendar["holidays"]:
        return False
    spans = calendar["hours"].get(DAYS[wall.weekday()], ())
    return any(span[:5] <= f"{wall:%H:%M}" < span[6:] for span in spans)


@given(calendars(), starts(), st.integers(0, 2 * 1440))
def test_working_time_is_what_a_walk_over_the_minutes_counts(
    calendar: dict[str, Any], start: datetime, length: int
) -> None:
    minutes = [start + timedelta(minutes=n) for n in range(length)]
    walked = sum(_is_open(calendar, minute) for minute in minutes) * 60

    assert between(start, start + timedelta(minutes=length), calendar) == walked


@given(calendars(), starts(), st.integers(1, 5 * 1440 * 60), st.integers(0, 999_999))
def test_a_time_is_due_at_the_first_instant_after_so_much_work(
    calendar: dict[str, Any], start: datetime, seconds: int, micros: int
) -> None:
    start += timedelta(microseconds=micros)

    at = due(start, seconds, calendar)

    assert between(start, at, calendar) == pytest.approx(seconds, abs=1e-5)
    assert between(start, at - timedelta(milliseconds=1), calendar) < seconds
    half = due(start, seconds // 2, calendar)
    assert due(half, seconds - seconds // 2, calendar) == at


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        ("2026-11-24T08:30", 1, "2026-11-24T09:30"),
        ("2026-11-24T10:30", 1, "2026-11-24T12:30"),
        ("2026-11-27T15:30", 1, "2026-11-30T08:30"),
        ("2026-11-28T03:00", 0.5, "2026-11-30T08:30"),
        ("2026-12-24T15:00", 2, "2026-12-28T09:00"),
        ("2026-03-27T15:00", 2, "2026-03-30T08:00"),
        ("2026-10-23T14:00", 2, "2026-10-26T09:00"),
        ("2026-11-24T08:00", 7, "2026-11-24T16:00"),
    ],
    ids=["morning", "lunch", "weekend", "asleep", "holiday", "spring", "autumn", "whole day"],
)
def test_an_office_in_berlin(start: str, hours: float, expected: str) -> None:
    at = due(datetime.fromisoformat(f"{start}Z"), hours * HOUR, OFFICE)

    assert at.isoformat() == f"{expected}:00+00:00"


def test_a_night_shift_is_an_hour_shorter_and_longer_when_clocks_change() -> None:
    def worked(day: date) -> float:
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=4)
        return between(begin, begin + timedelta(hours=12), NIGHT) / HOUR

    assert worked(date(2026, 3, 29)) == 2
    assert worked(date(2026, 6, 1)) == 3
    assert worked(date(2026, 10, 25)) == 4


def test_without_a_calendar_every_hour_counts() -> None:
    start = datetime(2026, 3, 28, 23, tzinfo=ZoneInfo("Europe/Berlin"))

    assert due(start, 4 * HOUR, {}) == datetime(2026, 3, 29, 2, tzinfo=UTC)
    assert between(start, start, {}) == 0
    assert due(start, -5, {}) == start


@pytest.mark.parametrize(
    "calendar",
    [
        {"timezone": "Europe/Berlin", "hours": {"mon": []}},
        {"timezone": "Mars", "hours": {"mon": ["09:00-17:00"]}},
        {"from": "2026-03-01"},
    ],
)
def test_a_calendar_that_means_nothing_holds_nobody_up(calendar: dict[str, Any]) -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC)

    assert list(problems(calendar))
    assert due(start, HOUR, calendar) == start + timedelta(hours=1)


@pytest.mark.parametrize(
    ("changed", "paths"),
    [
        ({}, []),
        ({"timezone": "Europe/Nowhere"}, ["/timezone"]),
        ({"timezone": "../etc/passwd"}, ["/timezone"]),
        ({"timezone": 7}, ["/timezone"]),
        ({"zone": "UTC"}, ["/zone"]),
        ({"hours": {}}, ["/hours"]),
        ({"hours": {"mon": [], "tue": []}}, ["/hours"]),
        ({"hours": {"mo": ["09:00-17:00"]}}, ["/hours/mo"]),
        ({"hours": {"mon": "09:00-17:00"}}, ["/hours/mon"]),
        ({"hours": {"mon": ["9-17", "17:00-09:00", "09:00-24:30"]}}, ["0", "1", "2"]),
        ({"hours": {"mon": ["09:00-12:00", "11:00-24:00"]}}, ["/hours/mon/1"]),
        ({"holidays": "2026-12-25"}, ["/holidays"]),
        ({"holidays": ["2026-12-25", "2026-02-30", 5]}, ["/holidays/1", "/holidays/2"]),
    ],
)
def test_each_problem_names_its_place(changed: dict[str, Any], paths: list[str]) -> None:
    found = [problem.path for problem in problems(OFFICE | changed)]

    assert len(found) == len(paths)
    assert all(path.endswith(wanted) for path, wanted in zip(found, paths, strict=True))


def test_the_example_is_a_calendar() -> None:
    assert not list(problems(reading.value(EXAMPLE)))
    assert next(problems([])).path == ""
