"""Each chain is gapless, and whoever alters the record is found."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from orchestrator.engine import events
from orchestrator.models import Actor, Event, Workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def workflow() -> Workflow:
    return Workflow.objects.create(slug="refunds", name="Refunds")


@pytest.fixture
def agent() -> Actor:
    return Actor.objects.create(kind="agent", name="reader", revision="1")


def tell(workflow: Workflow, agent: Actor, *names: str) -> Workflow:
    with transaction.atomic():
        row, now = events.locked(Workflow, workflow.pk)
        events.append(
            row,
            now,
            [
                events.Entry(name, agent, {"workflow": row.pk}, {"share": 0.5, "n": number})
                for number, name in enumerate(names)
            ],
        )
    return row


def altered(sql: str, *values: Any) -> None:
    """Change the record as somebody could who owns the database."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(sql, values)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_events_are_numbered_and_chained(workflow: Workflow, agent: Actor) -> None:
    tell(workflow, agent, "workflow.created")
    row = tell(workflow, agent, "workflow.halted", "workflow.resumed")

    told = list(Event.objects.order_by("seq"))
    assert [event.seq for event in told] == [1, 2, 3]
    assert [event.prev for event in told] == ["", told[0].hash, told[1].hash]
    assert {event.stream for event in told} == {f"workflow:{workflow.pk}"}
    workflow.refresh_from_db()
    assert (workflow.seq, workflow.head) == (3, told[2].hash)
    assert events.first_break(row) is None


def test_nothing_stays_of_an_act_that_fails(workflow: Workflow, agent: Actor) -> None:
    with transaction.atomic():
        tell(workflow, agent, "workflow.halted")
        transaction.set_rollback(True)

    workflow.refresh_from_db()
    assert (workflow.seq, Event.objects.count()) == (0, 0)


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE orchestrator_event SET type = 'workflow.slept' WHERE seq = %s", 2),
        ("UPDATE orchestrator_event SET payload = '{}' WHERE seq = %s", 2),
        ("UPDATE orchestrator_event SET at = at + interval '1 hour' WHERE seq = %s", 3),
        ("UPDATE orchestrator_event SET actor_id = actor_id + 1 WHERE seq = %s", 1),
        ("DELETE FROM orchestrator_event WHERE seq = %s", 1),
        ("DELETE FROM orchestrator_event WHERE seq = %s", 3),
    ],
)
def test_a_change_of_the_record_is_found(
    workflow: Workflow, agent: Actor, sql: str, broken: int
) -> None:
    row = tell(workflow, agent, "workflow.created", "workflow.halted", "workflow.resumed")

    altered(sql, broken)

    assert events.first_break(row) == broken
