"""After an undo it is as if the decision had not been made, but for the record of it."""

from __future__ import annotations

import pytest

from orchestrator import engine
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Seat, Task
from tests import world
from tests.world import FLIGHT

pytestmark = pytest.mark.django_db


@pytest.fixture
def task() -> Task:
    """A flight that bea approved and took back."""
    task = world.in_review(world.workflow(), FLIGHT)
    done = world.decided(task, "bea", "approved")
    engine.undo(done.decision.pk, actor=world.actor("bea"))
    return task


def test_who_took_a_decision_back_may_take_the_other_seat(task: Task) -> None:
    seat = world.claimed(task, "bea")
    engine.release(task.pk, actor=world.actor("bea"), token=str(seat.claim_token))
    world.decided(task, "ben", "approved")

    world.decided(task, "bea", "approved")

    task.refresh_from_db()
    assert (task.state, task.word) == ("decided", "approved")


def test_who_decides_again_is_kept_from_the_other_seat_again(task: Task) -> None:
    world.decided(task, "bea", "approved")

    with pytest.raises(NotAllowed):
        world.claimed(task, "bea")

    assert Seat.objects.get(task=task, state="open").barred == [
        world.actor("alice").pk,
        world.actor("bea").pk,
    ]
