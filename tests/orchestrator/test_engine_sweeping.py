"""A row that cannot be swept is not in the way of those behind it."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection, connections, transaction

from orchestrator import engine
from orchestrator.engine.sweeping import swept
from orchestrator.models import Case, Task
from tests import world


@pytest.mark.django_db(transaction=True)
def test_a_locked_case_does_not_keep_others_from_settling(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = world.workflow()
    first, second = world.in_review(place), world.in_review(place)
    for task in (first, second):
        world.decided(task, "bea", "approved")
    Task.objects.filter(pk=first.pk).update(settle_at="2020-01-01T00:00:00Z")
    Task.objects.filter(pk=second.pk).update(settle_at="2020-01-02T00:00:00Z")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 100")
    other = connections.create_connection("default")

    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(
                "SELECT FROM orchestrator_case WHERE id = %s FOR UPDATE", [first.case_id]
            )
        settled = engine.settle_due()
        outcomes = dict(Case.objects.values_list("pk", "outcome"))
    finally:
        other.close()
        connection.close()

    assert (settled, outcomes) == (1, {first.case_id: "", second.case_id: "booked"})
    assert "the next sweep tries again" in caplog.text
    assert engine.settle_due() == 1


@pytest.mark.django_db(transaction=True)
def test_a_sweep_without_a_database_breaks() -> None:
    asked = []

    def lost(pk: int) -> bool:
        asked.append(pk)
        connection.close()
        raise OperationalError

    with pytest.raises(OperationalError):
        swept(lost, [(1,), (2,)])

    assert asked == [1]


@pytest.mark.django_db(transaction=True)
def test_rows_that_break_each_time_take_nobodys_place() -> None:
    place = world.workflow()
    tasks = [world.in_review(place) for _ in range(4)]
    for day, task in enumerate(tasks, start=1):
        world.decided(task, "bea", "approved")
        Task.objects.filter(pk=task.pk).update(settle_at=f"2020-01-0{day}T00:00:00Z")
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 50")
    other = connections.create_connection("default")

    try:
        with transaction.atomic(), other.cursor() as cursor:
            cursor.execute("BEGIN")
            oldest = [task.case_id for task in tasks[:2]]
            cursor.execute("SELECT FROM orchestrator_case WHERE id = ANY(%s) FOR UPDATE", [oldest])
        settled = [engine.settle_due(limit=2), engine.settle_due(limit=2)]
    finally:
        other.close()
        connection.close()

    assert settled == [0, 2]
    assert engine.settle_due(limit=2) == 2
