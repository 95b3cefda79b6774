"""A case that something else holds locked does not hold up what is done to many others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from django.urls import reverse

from orchestrator import engine
from orchestrator.engine.bulk import HELD
from orchestrator.models import BulkRow
from tests import world
from tests.orchestrator.troubles import broken, case_of, done_to_many, failing, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def held(sql: str, pk: int) -> Iterator[None]:
    """Another session holds a row locked, for as long as this lasts."""
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(sql, [pk])
            try:
                yield
            finally:
                # To close alone lets the server hold the lock for a moment more.
                cursor.execute("ROLLBACK")
    finally:
        other.close()


def test_the_others_are_done_meanwhile_and_the_page_says_what_waits() -> None:
    place = failing()
    three = [broken(place, f"c-{number}") for number in range(3)]
    bulk = engine.resolve_many(
        "cancel_incidents", [row.pk for row in three], actor=world.actor("dora"), reason="No."
    )
    lock = "SELECT FROM orchestrator_case WHERE id = %s FOR UPDATE"

    with held(lock, case_of(three[0]).pk):
        began = time.monotonic()
        assert engine.work_bulks() == 2
        assert time.monotonic() - began < 2
        assert list(BulkRow.objects.order_by("pk").values_list("state", "message")) == [
            ("pending", HELD),
            ("done", ""),
            ("done", ""),
        ]
        page = signed_in("dora").get(reverse("bulk", args=[bulk.pk])).content.decode()
        assert "1 waits: something else holds its case" in page
        assert HELD in page
        assert engine.is_bulk_pending()

    done_to_many()
    bulk.refresh_from_db()
    assert (bulk.done, bulk.finished_at is not None) == (3, True)
    assert BulkRow.objects.filter(state="done", message="").count() == 3


def test_a_lock_on_its_task_does_not_either() -> None:
    place = failing()
    two = [broken(place, f"c-{number}") for number in range(2)]
    engine.resolve_many("retry_incidents", [row.pk for row in two], actor=world.actor("dora"))
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = 100")

    try:
        with held("SELECT FROM orchestrator_task WHERE id = %s FOR UPDATE", two[0].task_id):
            assert engine.work_bulks() == 1
            assert list(BulkRow.objects.order_by("pk").values_list("state", flat=True)) == [
                "pending",
                "done",
            ]
    finally:
        connection.close()

    done_to_many()
    assert set(BulkRow.objects.values_list("state", flat=True)) == {"done"}
