"""A reviewer waits for somebody: nobody is offered the seat, no text is lost, it comes back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import engine
from orchestrator.calendars import DAYS
from orchestrator.exceptions import Invalid, NotAllowed, NotFound, Pended, StaleClaim
from orchestrator.models import Seat, Task
from tests import waiting, world
from tests.waiting import events, passed, pended

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def task() -> Task:
    return world.in_review(waiting.workflow())


def _now(task: Task) -> Seat:
    return Seat.objects.get(task=task, state="open")


def test_nobody_is_offered_what_somebody_waits_with(task: Task) -> None:
    pended(task, until=timezone.now() + DAY, party="Kantine", note="Which day?")

    assert engine.claim_next(actor=world.actor("ben")) is None
    assert engine.claim_next(actor=world.actor("bea")) is None
    assert list(Seat.objects.queue(world.actor("ben"))) == []
    with pytest.raises(Pended):
        world.claimed(task, "ben")
    pended_with = _now(task).pended
    assert pended_with
    assert (engine.orphans(), pended_with["party"]) == ([], "Kantine")


def test_the_claim_has_ended_and_the_draft_is_kept(task: Task) -> None:
    bea, token = world.actor("bea"), world.claimed(task, "bea").claim_token
    assert token
    draft = {"by": bea.pk, "values": {"comment": "Half done"}}
    engine.save_draft(task.pk, actor=bea, token=token, draft=draft)
    pended(task)
    with pytest.raises(StaleClaim):
        engine.heartbeat(task.pk, actor=bea, token=token)

    engine.unpend(task.pk, actor=bea)

    assert world.claimed(task, "bea").draft == draft


def test_it_comes_back_on_its_day_to_who_waited(task: Task) -> None:
    pended(task, until=timezone.now() + DAY)
    assert engine.resume_due() == 0
    passed(task, DAY)

    assert [engine.resume_due() for _ in range(2)] == [1, 0]

    assert engine.claim_next(actor=world.actor("ben")) is None
    assert engine.claim_next(actor=world.actor("bea")) == _now(task)
    assert events(task, "seat.pended", "seat.resumed") == ["seat.pended", "seat.resumed"]


def test_it_is_kept_for_who_waited_but_not_for_ever(task: Task) -> None:
    pended(task, until=timezone.now() + DAY)
    passed(task, DAY)
    engine.resume_due()
    passed(task, timedelta(hours=4))

    assert engine.fire_seat_timers() == 1

    assert engine.claim_next(actor=world.actor("ben")) == _now(task)


def test_what_a_lead_assigned_meanwhile_stays_assigned(task: Task) -> None:
    seat = pended(task)
    engine.assign(seat.pk, actor=world.actor("alice"), to=world.actor("ben"))

    engine.unpend(task.pk, actor=world.actor("bea"))

    assert _now(task).assigned_to == world.actor("ben")


def test_who_has_begun_again_keeps_it(task: Task) -> None:
    pended(task, until=timezone.now() + DAY)
    passed(task, DAY)
    engine.resume_due()
    passed(task, timedelta(hours=4))
    world.claimed(task, "bea")

    assert engine.fire_seat_timers() == 0

    assert _now(task).assigned_to == world.actor("bea")


def test_who_passed_it_on_before_waiting_has_it_first_all_the_same(task: Task) -> None:
    bea = world.actor("bea")
    token = world.claimed(task, "bea").claim_token
    assert token
    engine.skip(task.pk, actor=bea, token=token)
    pended(task)
    world.in_review(task.case.workflow)

    engine.unpend(task.pk, actor=bea)

    assert engine.claim_next(actor=bea) == _now(task)


def test_what_a_lead_assigned_later_stays_assigned(task: Task) -> None:
    seat = pended(task, until=timezone.now() + DAY)
    passed(task, DAY)
    engine.resume_due()
    engine.assign(seat.pk, actor=world.actor("alice"), to=world.actor("ben"))
    passed(task, timedelta(hours=4))

    engine.fire_seat_timers()

    assert _now(task).assigned_to == world.actor("ben")


def test_who_lost_the_right_meanwhile_keeps_nothing(task: Task) -> None:
    pended(task, until=timezone.now() + DAY)
    world.person("bea").groups.clear()
    passed(task, DAY)

    engine.resume_due()

    assert _now(task).assigned_to is None


def test_a_signal_brings_it_back(task: Task) -> None:
    pended(task, signal="news")
    alice = world.actor("alice")

    said = engine.signal(task.case_id, actor=alice, name="news", message_id="1")

    assert (said.status, _now(task).back_at) == ("taken", None)
    assert _now(task).assigned_to == world.actor("bea")


def test_a_signal_brings_back_only_who_waits_for_it() -> None:
    text = waiting.definition().replace("mode: review", "mode: dual", 1)
    task = world.in_review(world.workflow(text))
    first, second = pended(task, signal="news"), pended(task, "ben")

    engine.signal(task.case_id, actor=world.actor("alice"), name="news", message_id="1")

    assert list(Seat.objects.pended()) == [second]
    assert first in Seat.objects.open().free()


def test_another_signal_changes_nothing(task: Task) -> None:
    pended(task)

    engine.signal(task.case_id, actor=world.actor("alice"), name="news", message_id="1")

    assert _now(task).back_at


def test_the_clock_stands_still_only_where_the_reason_says_so() -> None:
    place = waiting.workflow(rule="        remind_before: 1h\n")
    waits, counts = world.in_review(place), world.in_review(place)
    before = {task: _now(task).due_at for task in (waits, counts)}
    remind = _now(waits).timers.get().due_at
    pended(waits, reason="supplier", until=timezone.now() + DAY)
    pended(counts, reason="colleague", until=timezone.now() + DAY)
    assert _now(waits).due_at - before[waits] == pytest.approx(DAY, abs=timedelta(seconds=5))
    assert _now(counts).due_at == before[counts]
    hours = timedelta(hours=3)
    for task in (waits, counts):
        passed(task, hours)
        engine.unpend(task.pk, actor=world.actor("bea"))

    near = timedelta(seconds=5)
    assert _now(waits).due_at == pytest.approx(before[waits], abs=near)
    assert _now(waits).timers.get(kind="remind").due_at == pytest.approx(remind, abs=near)
    assert _now(counts).due_at == before[counts] - hours


def test_what_was_late_before_the_wait_is_due_when_it_is_back(task: Task) -> None:
    seat, until = world.claimed(task, "bea"), timezone.now() + DAY
    Seat.objects.filter(pk=seat.pk).update(due_at="2020-01-01T00:00Z")

    pended(task, until=until)

    assert _now(task).due_at == until


def test_a_wait_that_does_not_pause_runs_out_of_time(task: Task) -> None:
    pended(task, reason="colleague")
    passed(task, timedelta(hours=5))

    assert engine.expire_seats() == 1

    assert list(task.decisions.values_list("word", flat=True)) == ["escalated"]
    assert _now(task).back_at is None
    assert engine.orphans() == []


def test_a_wait_while_nobody_works_moves_nothing() -> None:
    day = DAYS[(timezone.now().weekday() + 3) % 7]
    hours = f'calendar: {{timezone: UTC, hours: {{{day}: ["06:00-18:00"]}}}}\n'
    task = world.in_review(waiting.workflow(hours))
    before = _now(task).due_at

    pended(task, until=timezone.now() + DAY)

    assert _now(task).due_at == before


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({"reason": "boredom"}, "/reason"),
        ({"until": datetime(2020, 1, 1, tzinfo=UTC)}, "/until"),
        ({"until": datetime(2120, 1, 1, tzinfo=UTC)}, "/until"),
        ({"party": "x" * 201}, "/party"),
        ({"note": "\x00"}, "/note"),
        ({"signal": "nothing"}, "/signal"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(task: Task, said: dict[str, Any], path: str) -> None:
    with pytest.raises(Invalid) as refused:
        pended(task, **said)

    assert [row["path"] for row in refused.value.details["problems"]] == [path]
    assert _now(task).back_at is None


def test_others_of_the_group_do_not_end_a_wait_and_a_lead_does(task: Task) -> None:
    pended(task)
    with pytest.raises(NotAllowed):
        engine.unpend(task.pk, actor=world.actor("ben"))

    engine.unpend(task.pk, actor=world.actor("alice"))

    with pytest.raises(NotFound):
        engine.unpend(task.pk, actor=world.actor("alice"))
