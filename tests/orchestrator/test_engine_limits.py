"""Who may decide only up to a limit, or below a rule, cannot get round it by another word."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from orchestrator import engine
from orchestrator.exceptions import Invalid, NotAllowed
from orchestrator.models import Grant, Seat, Task, Workflow
from tests import world
from tests.world import EXPENSES, FLIGHT, LUNCH

pytestmark = pytest.mark.django_db

HUMAN = (
    EXPENSES.partition("    rights:\n")[0].replace("kind: agent\n    actor: reader", "kind: human")
    + """\
    rights:
      - {name: Somebody answers, mode: review, group: Expense reviewers, allowed: [responded]}
  - {key: booked, name: Booked, kind: end}
transitions:
  - {from: read, to: booked}
"""
)
ONE_PRICE = EXPENSES.replace("op: gt, value: 1000", "op: eq, value: 1800")


def limited(name: str, place: Workflow, most: int) -> None:
    """Somebody outside the deciding groups who may decide up to ``most``."""
    Grant.objects.create(
        actor=world.actor(name),
        action="decide",
        workflow=place,
        limits={"max": most},
        valid=TimestamptzRange(timezone.now(), None),
    )


def split(place: Workflow) -> Task:
    """A flight that bea approves and ben corrects: somebody else has to settle it."""
    task = world.in_review(place, FLIGHT)
    world.decided(task, "bea", "approved")
    world.decided(task, "ben", "corrected", output=FLIGHT | {"amount": 1700})
    assert Seat.objects.get(task=task, state="open").purpose == "adjudicate"
    return task


@pytest.mark.parametrize(("amount", "allowed"), [(1900, True), (2001, False)])
def test_who_settles_a_split_stays_within_the_own_limit(amount: int, allowed: bool) -> None:
    place = world.workflow()
    limited("cara", place, 2000)
    task = split(place)
    output = FLIGHT | {"amount": amount}

    if allowed:
        world.decided(task, "cara", "corrected", output=output)
    else:
        with pytest.raises(NotAllowed) as refusal:
            world.decided(task, "cara", "corrected", output=output)
        assert refusal.value.details["reasons"] == [
            "This is about 2,001; you may decide up to 2,000."
        ]

    task.refresh_from_db()
    assert task.state == ("decided" if allowed else "in_review")


def test_who_settles_a_split_sets_no_value_that_the_rules_block() -> None:
    task = split(world.workflow(ONE_PRICE))

    with pytest.raises(Invalid) as refusal:
        world.decided(task, "lea", "corrected", output=FLIGHT | {"merchant": "Casino", "amount": 5})

    assert "block" in refusal.value.message
    task.refresh_from_db()
    assert task.state == "in_review"


@pytest.mark.parametrize(("amount", "allowed"), [(500, True), (501, False)])
def test_an_answer_stays_within_the_limit_of_its_author(amount: int, allowed: bool) -> None:
    place = world.workflow(HUMAN)
    limited("cara", place, 500)
    task = world.started(place).tasks.get()
    output: Any = LUNCH | {"amount": amount}

    if allowed:
        world.decided(task, "cara", "responded", output=output)
    else:
        with pytest.raises(NotAllowed):
            world.decided(task, "cara", "responded", output=output)

    task.refresh_from_db()
    assert task.state == ("decided" if allowed else "in_review")


def test_an_undone_correction_of_a_correction_leaves_the_first_one() -> None:
    text = EXPENSES.replace(
        "      - name: Forbidden\n",
        "      - name: Some money\n"
        "        when: {fact: output/amount, op: gt, value: 500}\n"
        "        mode: review\n"
        "        group: Expense leads\n"
        "        allowed: [approved, corrected]\n"
        "      - name: Forbidden\n",
    )
    task = world.in_review(world.workflow(text))
    world.decided(task, "bea", "corrected", output=LUNCH | {"amount": 700})
    done = world.decided(task, "lea", "corrected", output=LUNCH | {"amount": 1800})

    seat = engine.undo(done.decision.pk, actor=world.actor("lea"))

    task.refresh_from_db()
    assert task.proposal == LUNCH | {"amount": 700}
    assert seat.group.name == "Expense leads"
    assert world.actor("bea").pk in seat.barred
