"""Who counts, who is kept out, and what people get back when something is taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone

from orchestrator import authority, engine
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Grant, Incident, Seat, Timer, Workflow
from tests import world
from tests.world import FLIGHT, LUNCH

pytestmark = pytest.mark.django_db

AMONG_THEM = (
    world.EXPENSES.replace("        escalates_to: Expense leads\n", "")
    .replace(", escalated]", "]")
    .replace("workflow: expenses", "workflow: two")
)


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def granted(who: str, place: Workflow, **columns: Any) -> None:
    hour = timedelta(hours=1)
    valid = DateTimeTZRange(timezone.now() - hour, timezone.now() + hour)
    Grant.objects.create(
        action="decide", actor=world.actor(who), workflow=place, valid=valid, **columns
    )


def test_who_stands_in_and_whom_it_stands_in_for_are_one_of_two(place: Workflow) -> None:
    granted("lea", place, stands_in_for=world.actor("bea"))
    task = world.in_review(place, FLIGHT)
    done = world.decided(task, "lea", "approved")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")

    engine.undo(done.decision.pk, actor=world.actor("lea"))
    assert world.claimed(task, "bea").number


def test_who_stands_in_passes_a_seat_on_for_both(place: Workflow) -> None:
    granted("lea", place, stands_in_for=world.actor("bea"))
    world.person("cara", "Expense leads")
    task = world.in_review(place, FLIGHT)
    world.decided(task, "lea", "escalated")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")


def test_a_lead_that_takes_a_correction_back_may_decide_the_seat(place: Workflow) -> None:
    task = world.in_review(place, LUNCH)
    world.decided(task, "bea", "escalated")
    done = world.decided(task, "lea", "corrected", output=FLIGHT)

    seat = engine.undo(done.decision.pk, actor=world.actor("lea"))

    seat = Seat.objects.select_related("task__step").get(pk=seat.pk)
    assert authority.may(world.actor("lea"), "decide", seat).allowed


def test_who_took_its_decision_back_may_settle_a_split() -> None:
    place = world.workflow(AMONG_THEM)
    world.person("lea", "Expense reviewers")
    task = world.in_review(place, FLIGHT)
    done = world.decided(task, "bea", "approved")
    seat = engine.undo(done.decision.pk, actor=world.actor("bea"))
    engine.release(task.pk, actor=world.actor("bea"), token=str(seat.claim_token))
    world.decided(task, "ben", "approved")
    world.decided(task, "lea", "rejected")

    assert not Incident.objects.exists()
    world.decided(task, "bea", "approved")


def test_nobody_has_built_on_a_decision_with_one_that_was_taken_back(place: Workflow) -> None:
    task = world.in_review(place, FLIGHT)
    first = world.decided(task, "bea", "approved")
    second = world.decided(task, "ben", "approved")
    engine.undo(second.decision.pk, actor=world.actor("ben"))

    engine.undo(first.decision.pk, actor=world.actor("bea"))


def test_whoever_is_kept_from_deciding_is_nobody_for_a_seat(place: Workflow) -> None:
    for name in ("bea", "ben"):
        granted(name, place, effect="exclude")

    task = world.started(place, LUNCH, confidence=0.5).tasks.get()

    assert Incident.objects.filter(task=task, kind="nobody").exists()


def test_a_seat_that_was_kept_is_free_when_its_claim_runs_out(place: Workflow) -> None:
    task = world.in_review(place, LUNCH)
    seat = world.claimed(task, "bea")
    bea = world.actor("bea")
    Seat.objects.filter(pk=seat.pk).update(assigned_to=bea, assigned_by=bea)
    past = timezone.now() - timedelta(minutes=1)
    Timer.objects.create(seat=seat, kind="kept", due_at=past)
    engine.fire_seat_timers()

    Seat.objects.filter(pk=seat.pk).update(claim_expires_at=past)
    Timer.objects.filter(fired_at=None).update(due_at=past)
    engine.fire_seat_timers()

    assert world.claimed(task, "ben").pk == seat.pk
