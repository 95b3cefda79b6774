"""Times to start, to remind and to decide, in working hours: each fires once, none approves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator import calendars, engine
from orchestrator.definitions import export_version, import_draft, problems
from orchestrator.models import Event, Seat, Task, Timer
from tests import waiting, world
from tests.waiting import events, passed

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
RULE = "        start_within: 1h\n        remind_before: 30m\n"


@pytest.fixture
def task() -> Task:
    return world.in_review(waiting.workflow(rule=RULE))


def test_a_seat_is_due_in_the_hours_of_the_calendar() -> None:
    place = waiting.workflow(waiting.OFFICE, RULE)
    seat = world.in_review(place).seats.get()

    def within(hours: float) -> datetime:
        calendar = place.published_version and place.published_version.calendar
        return calendars.due(seat.created_at, hours * 3600, calendar or {})

    timers = dict(Timer.objects.filter(seat=seat).values_list("kind", "due_at"))
    assert seat.due_at == within(4)
    assert timers == {"start": within(1), "remind": within(3.5)}
    assert within(200) - seat.created_at > timedelta(hours=500)


def test_only_a_rule_that_says_so_has_timers() -> None:
    world.in_review(waiting.workflow())

    assert not Timer.objects.exists()


def test_each_timer_fires_once(task: Task) -> None:
    passed(task, 3.6 * HOUR)

    assert [engine.fire_seat_timers() for _ in range(3)] == [2, 0, 0]

    told = events(task, "seat.start_missed", "seat.reminded")
    assert sorted(told) == ["seat.reminded", "seat.start_missed"]
    assert Seat.objects.get(task=task).state == "open"


def test_a_clock_that_jumps_an_hour_fires_nothing_twice(task: Task) -> None:
    passed(task, 1.5 * HOUR)
    engine.fire_seat_timers()
    passed(task, -HOUR)
    engine.fire_seat_timers()
    passed(task, HOUR)
    engine.fire_seat_timers()

    assert events(task, "seat.start_missed", "seat.reminded") == ["seat.start_missed"]


def test_a_clock_that_jumps_an_hour_ends_a_seat_once(task: Task) -> None:
    passed(task, 4.5 * HOUR)
    first = engine.expire_seats()
    passed(task, -HOUR)

    assert (first, engine.expire_seats()) == (1, 0)
    assert list(task.decisions.values_list("word", flat=True)) == ["escalated"]
    assert list(task.seats.order_by("id").values_list("state", "level")) == [
        ("expired", 0),
        ("open", 1),
    ]


@pytest.mark.parametrize(
    ("start", "due"),
    [("2026-03-27T15:00", "2026-03-30T10:00"), ("2026-10-23T14:00", "2026-10-26T11:00")],
    ids=["clocks forward", "clocks back"],
)
def test_over_a_weekend_when_clocks_change_a_seat_is_due_once(start: str, due: str) -> None:
    place = waiting.workflow(waiting.OFFICE)
    assert place.published_version
    began = datetime.fromisoformat(start).replace(tzinfo=UTC)
    at = calendars.due(began, 4 * 3600, place.published_version.calendar)
    task = world.in_review(place)
    Seat.objects.filter(task=task).update(created_at=began, due_at=at)

    assert at == datetime.fromisoformat(due).replace(tzinfo=UTC)
    assert [engine.expire_seats() for _ in range(3)] == [1, 0, 0]


def test_who_has_begun_misses_no_start(task: Task) -> None:
    world.claimed(task, "bea")
    passed(task, 2 * HOUR)

    assert engine.fire_seat_timers() == 0
    assert not Timer.objects.filter(kind="start", fired_at=None).exists()


def test_what_everybody_passed_on_is_offered_again_when_nobody_began(task: Task) -> None:
    bea = world.actor("bea")
    seat = world.claimed(task, "bea")
    assert seat.claim_token
    engine.skip(task.pk, actor=bea, token=seat.claim_token)
    passed(task, 2 * HOUR)

    engine.fire_seat_timers()

    assert Seat.objects.get(task=task).skipped == []


def test_a_timer_of_a_decided_seat_tells_nothing(task: Task) -> None:
    world.decided(task, "bea", "approved")
    passed(task, 5 * HOUR)
    before = Event.objects.count()

    assert engine.fire_seat_timers() == 0
    assert Event.objects.count() == before
    assert not Timer.objects.filter(fired_at=None).exists()


def test_the_next_level_has_timers_of_its_own(task: Task) -> None:
    world.decided(task, "bea", "escalated")

    seat = Seat.objects.get(task=task, state="open")
    assert seat.level == 1
    assert set(seat.timers.values_list("kind", flat=True)) == {"start", "remind"}


def test_the_file_keeps_all_that_concerns_time() -> None:
    place = waiting.workflow(waiting.OFFICE, RULE)
    assert place.published_version
    text = export_version(place.published_version)

    draft = import_draft(text)

    assert export_version(draft) == text
    assert draft.calendar["holidays"] == ["2026-12-25"]
    right = draft.steps.get(key="read").rights.get(decide_within=4 * 3600)
    assert (right.start_within, right.remind_before) == (3600, 1800)
    assert draft.steps.get(key="read").pend[0]["pauses"] is True


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("Europe/Berlin", "Europe/Bonn", "/calendar/timezone"),
        ('fri: ["09:00-17:00"]', 'fri: ["17:00-09:00"]', "/calendar/hours/fri/0"),
        ("remind_before: 30m", "remind_before: 4h", "/steps/0/rights/3/remind_before"),
        ("start_within: 1h", "start_within: 5h", "/steps/0/rights/3/start_within"),
        ("code: colleague", "code: supplier", "/steps/0/pend/1/code"),
        ("most: 2d", "most: 0s", "/steps/0/pend/1/most"),
        ("to: [read, receive]", "to: [read, nowhere]", "/steps/0/rework/to/1"),
        ("to: [read, receive]", "to: [read, booked]", "/steps/0/rework/to/1"),
    ],
)
def test_a_draft_with_a_slip_names_its_place(old: str, new: str, path: str) -> None:
    text = waiting.definition(waiting.OFFICE, RULE)
    assert old in text
    world.people()

    draft = import_draft(text.replace(old, new, 1))

    assert [problem.path for problem in problems(draft)] == [path]
