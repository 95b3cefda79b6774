"""Seats for which the group alone has too few people: who holds a Grant to decide counts too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.utils import timezone

from orchestrator.models import Actor, Grant, Incident, Seat, Workflow
from tests import world

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def place() -> Workflow:
    """Beyond 1,000 two people of the reviewers decide; of them only bea is left."""
    place = world.workflow()
    world.person("ben").groups.remove(Group.objects.get(name="Expense reviewers"))
    return place


def granted(place: Workflow, to: str, *, hours: int = 1, **columns: Any) -> Grant:
    now = timezone.now()
    valid = DateTimeTZRange(now - 2 * HOUR, now + hours * HOUR)
    holder = {} if "group" in columns else {"actor": world.actor(to)}
    return Grant.objects.create(
        action="decide", workflow=place, valid=valid, **{**holder, **columns}
    )


def opened(place: Workflow) -> bool:
    """Whether a flight finds its two seats; else its incident says that people are missing."""
    task = world.started(place, world.FLIGHT, confidence=0.5).tasks.get()
    seats = Seat.objects.open().filter(task=task).count()
    assert (seats, Incident.objects.filter(task=task, kind="nobody").count()) in {(2, 0), (0, 1)}
    return seats == 2


def test_one_of_two_is_not_enough(place: Workflow) -> None:
    assert not opened(place)


def test_who_holds_a_grant_is_the_second(place: Workflow) -> None:
    granted(place, "lea")

    assert opened(place)


def test_so_is_a_member_of_a_group_that_holds_one(place: Workflow) -> None:
    granted(place, "lea", group=Group.objects.get(name="Expense leads"))

    assert opened(place)


@pytest.mark.parametrize(
    "columns",
    [
        {"hours": -1},
        {"step_key": "booked"},
        {"effect": "exclude"},
    ],
)
def test_a_grant_that_does_not_hold_here_is_none(place: Workflow, columns: Any) -> None:
    granted(place, "lea", **columns)

    assert not opened(place)


def test_who_stands_in_for_bea_is_not_a_second_one_beside_her(place: Workflow) -> None:
    bea: Actor = world.actor("bea")
    granted(place, "lea", stands_in_for=bea)

    assert not opened(place)
