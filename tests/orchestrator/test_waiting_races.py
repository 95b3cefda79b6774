"""Waits, timers and deadlines that meet: each happens once, and the record has no gap."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from orchestrator import engine
from orchestrator.models import Seat, Task, Timer
from tests import waiting, world
from tests.orchestrator.races import at_once, check, deciding
from tests.waiting import events

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_sweeps_fire_a_timer_once() -> None:
    task = world.in_review(waiting.workflow(rule="        remind_before: 1h\n"))
    waiting.passed(task, timedelta(hours=3.5))

    found = at_once(*[engine.fire_seat_timers] * 8)

    assert sum(map(int, map(str, found))) == 1
    assert events(task, "seat.reminded") == ["seat.reminded"]
    check(task)


def test_eight_sweeps_end_a_seat_once() -> None:
    task = world.in_review(waiting.workflow())
    waiting.passed(task, timedelta(hours=5))

    at_once(*[engine.expire_seats] * 8)

    assert task.decisions.count() == 1
    check(task)


def test_a_decision_against_a_wait_is_one_of_them() -> None:
    task = world.in_review(waiting.workflow())
    bea = world.actor("bea")
    decide = deciding(task, bea)
    token = Seat.objects.get(task=task).claim_token
    assert token

    def pend() -> str:
        engine.pend(task.pk, actor=bea, claim_token=token, reason="supplier")
        return "pended"

    found = Counter(at_once(decide, pend))

    state = Task.objects.get(pk=task.pk).state
    if state == "completed":
        assert found == {"completed": 1, "AlreadyDecided": 1}
    else:
        assert found == {"pended": 1, "StaleClaim": 1}
        assert Seat.objects.get(task=task).back_at
    check(task)


def test_a_wait_that_ends_by_its_day_by_hand_and_by_a_signal_ends_once() -> None:
    task = world.in_review(waiting.workflow())
    waiting.pended(task, signal="news")
    waiting.passed(task, timedelta(days=15))
    alice, bea = world.actor("alice"), world.actor("bea")

    at_once(
        engine.resume_due,
        lambda: len(engine.unpend(task.pk, actor=bea)),
        lambda: engine.signal(task.case_id, actor=alice, name="news", message_id="1"),
        engine.resume_due,
    )

    assert events(task, "seat.resumed") == ["seat.resumed"]
    assert Timer.objects.filter(kind="kept").count() == 1
    check(task)
