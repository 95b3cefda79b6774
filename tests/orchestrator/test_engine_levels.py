"""Who is asked after an escalation decides: it does not go back to those who asked."""

from __future__ import annotations

import pytest

from orchestrator import engine
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Seat, Task, Workflow
from tests import world
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db

CHEAPER = LUNCH | {"amount": 24.5}


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def escalated(place: Workflow) -> Task:
    task = world.in_review(place, LUNCH)
    world.decided(task, "bea", "escalated")
    return task


def test_a_correction_on_the_next_level_stands(place: Workflow) -> None:
    task = escalated(place)

    world.decided(task, "lea", "corrected", output=CHEAPER)

    task.refresh_from_db()
    assert (task.state, task.word, task.output) == ("decided", "corrected", CHEAPER)
    assert not Seat.objects.filter(task=task, state="open").exists()


def test_a_correction_that_asks_for_two_people_counts_as_one_of_them(place: Workflow) -> None:
    task = escalated(place)

    world.decided(task, "lea", "corrected", output=FLIGHT)

    seats = Seat.objects.filter(task=task, round=2).order_by("number")
    assert [(seat.level, seat.state, str(seat.group)) for seat in seats] == [
        (1, "decided", "Expense leads"),
        (0, "open", "Expense reviewers"),
    ]
    world.decided(task, "ben", "approved")
    task.refresh_from_db()
    assert (task.state, task.output) == ("decided", FLIGHT)


def test_who_passed_one_seat_on_is_kept_from_the_other(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    passed = world.decided(task, "bea", "escalated")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")

    engine.undo(passed.decision.pk, actor=world.actor("bea"))
    world.decided(task, "bea", "approved")
    world.decided(task, "ben", "approved")
    task.refresh_from_db()
    assert (task.state, task.word) == ("decided", "approved")


def test_what_was_passed_on_and_taken_back_may_be_passed_on_again(place: Workflow) -> None:
    task = world.in_review(place, LUNCH)
    for _ in range(2):
        passed = world.decided(task, "bea", "escalated")
        engine.undo(passed.decision.pk, actor=world.actor("bea"))

    world.decided(task, "bea", "escalated")
    world.decided(task, "lea", "approved")

    task.refresh_from_db()
    assert (task.state, task.word) == ("decided", "approved")


def test_two_may_differ_again_after_one_took_it_back(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "approved")
    differs = world.decided(task, "ben", "rejected")
    engine.undo(differs.decision.pk, actor=world.actor("ben"))

    world.decided(task, "ben", "rejected")

    seat = Seat.objects.get(task=task, state="open")
    assert seat.purpose == "adjudicate"
    world.decided(task, "lea", "approved")
    task.refresh_from_db()
    assert (task.state, task.word) == ("decided", "approved")


def test_one_of_two_may_be_asked_on_the_next_level(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "approved")
    world.decided(task, "ben", "escalated")

    world.decided(task, "lea", "approved")

    task.refresh_from_db()
    assert (task.state, task.word) == ("decided", "approved")
