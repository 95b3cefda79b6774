"""Business time: when a team works, and when so much of its working time has passed. Pure.

A calendar is ``{"timezone": "Europe/Berlin", "hours": {"mon": ["09:00-12:00", "13:00-17:00"]},
"holidays": ["2026-12-25"]}``. An instant is working time when the clock on the wall there shows
a time within the hours of its weekday and the day is no holiday: where clocks go forward an hour
is never worked, where they go back it is worked twice. ``{}`` is every hour of every day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from json import dumps, loads
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.pointers import Problem, child

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEYS: Final = ("timezone", "hours", "holidays")
MOST_HOLIDAYS: Final = 2000
MOST_SPANS: Final = 12
EXAMPLE: Final = """\
timezone: Europe/Berlin
hours:
  mon: ["09:00-12:00", "13:00-17:00"]
  tue: ["09:00-17:00"]
holidays: ["2026-12-25", "2026-12-26"]
"""
_SPAN: Final = re.compile(
    r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00))"
)
_HOURS: Final = "Give hours such as 09:00-17:00, from earlier to later; the day ends at 24:00."
_DAY: Final = timedelta(days=1)
# Beyond this only a time with years of nothing but holidays ahead is still looked for.
_FARTHEST: Final = timedelta(days=366 * 50)

Span = tuple[timedelta, timedelta]
Window = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, eq=False)
class _Calendar:
    """A calendar that was read: the spans of each weekday, Monday first, from midnight on."""

    zone: ZoneInfo
    hours: tuple[tuple[Span, ...], ...]
    holidays: frozenset[date]


def due(start: datetime, seconds: float, calendar: Mapping[str, Any]) -> datetime:
    """The first instant, in UTC, at which ``seconds`` of working time have passed since ``start``.

    Without hours, as with one that could not be published, every hour counts.
    """
    now, left = start.astimezone(UTC), timedelta(seconds=seconds)
    read = _read(calendar)
    if read is None or left <= timedelta():
        return now + max(left, timedelta())
    for begin, end in _windows(read, now, now + _FARTHEST):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    return now + _FARTHEST


def between(start: datetime, end: datetime, calendar: Mapping[str, Any]) -> float:
    """How many seconds of working time lie between two instants; 0 where ``end`` is not later."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    read = _read(calendar)
    if read is None:
        return max(0.0, (end - start).total_seconds())
    spans = _windows(read, start, end)
    return sum(((last - first) for first, last in spans), timedelta()).total_seconds()


def problems(calendar: Any, path: str = "") -> Iterator[Problem]:
    """What is wrong with a calendar, each at its place below ``path``."""
    if calendar == {}:
        return
    if not isinstance(calendar, dict):
        yield Problem(path, "Give a calendar with timezone, hours and holidays, or leave it out.")
        return
    for key in calendar.keys() - set(KEYS):
        yield Problem(child(path, key), f"A calendar has {', '.join(KEYS)}, nothing else.")
    if _zone(calendar.get("timezone")) is None:
        message = "Name a time zone such as Europe/Berlin or America/New_York."
        yield Problem(f"{path}/timezone", message)
    yield from _hours_problems(calendar.get("hours"), f"{path}/hours")
    yield from _holiday_problems(calendar.get("holidays", []), f"{path}/holidays")


def _hours_problems(hours: Any, path: str) -> Iterator[Problem]:
    if not isinstance(hours, dict) or not any(hours.values()):
        message = "Give the hours of at least one day, as mon: [09:00-17:00]: without any no time"
        yield Problem(path, f"{message} would ever pass.")
        return
    for day, spans in hours.items():
        place = child(path, day)
        if day not in DAYS:
            yield Problem(place, f"A day is one of {', '.join(DAYS)}.")
        elif not isinstance(spans, list) or len(spans) > MOST_SPANS:
            yield Problem(place, f"Give a list of at most {MOST_SPANS} times.")
        else:
            yield from _span_problems(spans, place)


def _span_problems(spans: list[Any], path: str) -> Iterator[Problem]:
    until = timedelta()
    for index, text in enumerate(spans):
        span = _span(text)
        if span is None:
            yield Problem(child(path, index), _HOURS)
        elif span[0] < until:
            yield Problem(child(path, index), "This begins before the one above it has ended.")
        until = max(until, span[1] if span else until)


def _holiday_problems(days: Any, path: str) -> Iterator[Problem]:
    if not isinstance(days, list) or len(days) > MOST_HOLIDAYS:
        yield Problem(path, f"Give a list of at most {MOST_HOLIDAYS:,} days.")
        return
    for index, text in enumerate(days):
        if _date(text) is None:
            yield Problem(child(path, index), "Give a day such as 2026-12-25.")


def _span(text: Any) -> Span | None:
    found = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    hour, minute, *until = (int(part) for part in found.groups() if part is not None)
    begin = timedelta(hours=hour, minutes=minute)
    end = timedelta(hours=until[0], minutes=until[1])
    return (begin, end) if begin < end else None


def _date(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except (TypeError, ValueError):
        return None


def _zone(name: Any) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _read(calendar: Mapping[str, Any]) -> _Calendar | None:
    return _kept(dumps(calendar, sort_keys=True)) if calendar else None


@lru_cache(maxsize=256)
def _kept(text: str) -> _Calendar | None:
    """Nothing where it has a problem: who is late is then told too early rather than never."""
    calendar = loads(text)
    zone = None if any(problems(calendar)) else _zone(calendar["timezone"])
    if zone is None:
        return None
    return _Calendar(
        zone,
        tuple(tuple(_spans(calendar["hours"].get(day, ()))) for day in DAYS),
        frozenset(date.fromisoformat(day) for day in calendar.get("holidays", ())),
    )


def _spans(texts: list[str]) -> Iterator[Span]:
    for text in texts:
        span = _span(text)
        if span is not None:
            yield span


def _windows(calendar: _Calendar, start: datetime, end: datetime) -> Iterator[Window]:
    """The working time between two instants, in order. Made anew for each UTC day."""
    day = start.date()
    while datetime(day.year, day.month, day.day, tzinfo=UTC) < end:
        for begin, until in _day(calendar, day):
            if max(begin, start) < min(until, end):
                yield max(begin, start), min(until, end)
        day += _DAY


@lru_cache(maxsize=4096)
def _day(calendar: _Calendar, day: date) -> tuple[Window, ...]:
    """The working time of one UTC day, which is part of up to three days elsewhere."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = [
        window
        for first, last in _steady(calendar.zone, begin, begin + _DAY)
        for window in _open(calendar, first, last)
    ]
    return tuple(sorted(found))


def _steady(zone: ZoneInfo, begin: datetime, end: datetime) -> list[Window]:
    """The stretches in which the offset from UTC stays as it is; one on most days."""
    if _offset(zone, begin) == _offset(zone, end):
        return [(begin, end)]
    low, high = 0, round((end - begin).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        same = _offset(zone, begin + timedelta(seconds=middle)) == _offset(zone, begin)
        low, high = (middle, high) if same else (low, middle)
    change = begin + timedelta(seconds=high)
    return [(begin, change), (change, end)]


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()


def _open(calendar: _Calendar, first: datetime, last: datetime) -> Iterator[Window]:
    """The working time in a stretch of one offset: what the wall shows within the hours."""
    offset = _offset(calendar.zone, first)
    day, until = (first + offset).date(), (last + offset).date()
    while day <= until:
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - offset
        spans = () if day in calendar.holidays else calendar.hours[day.weekday()]
        for begin, end in spans:
            if max(midnight + begin, first) < min(midnight + end, last):
                yield max(midnight + begin, first), min(midnight + end, last)
        day += _DAY
