"""Idempotency-Key: once, with the same answer, whatever comes between."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from orchestrator.api import idempotency
from orchestrator.models import Case, Inbound, Seat
from tests.programs import Program, refusal
from tests.world import in_review, workflow

CASES = "workflows/expenses/cases"
BODY = {"key": "r-1", "data": {"text": "Kantine"}}


@pytest.mark.django_db
def test_the_first_answer_comes_again() -> None:
    workflow()
    program = Program("alice")

    first = program.post(CASES, BODY, once="k-1")
    second = program.post(CASES, BODY, once="k-1")

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert (first.get("Idempotent-Replayed"), second["Idempotent-Replayed"]) == (None, "true")
    assert Case.objects.count() == 1
    row = Inbound.objects.get()
    assert (row.source, row.message_id, row.status) == (f"key:{program.key.pk}", "k-1", 201)


@pytest.mark.django_db
def test_a_claim_sent_twice_takes_one_seat() -> None:
    place = workflow()
    in_review(place)
    in_review(place)
    bea = Program("bea")

    first, second = (bea.post("review/claim", {}, once="c") for _ in range(2))

    assert first.json() == second.json()
    assert Seat.objects.filter(claimed_by__isnull=False).count() == 1


@pytest.mark.django_db
def test_an_empty_answer_comes_again() -> None:
    workflow()
    bea = Program("bea")

    answers = [bea.post("review/claim", {}, once="c") for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2


@pytest.mark.django_db
def test_the_same_key_with_another_body_or_address() -> None:
    workflow()
    program = Program("alice")
    program.post(CASES, BODY, once="k")

    other = BODY | {"key": "r-2"}
    refusal(program.post(CASES, other, once="k"), 422, "idempotency-key-reused")
    assert Case.objects.count() == 1
    program.post("review/claim", {}, once="c")
    refusal(program.post("review/decisions/1/undo", {}, once="c"), 422, "idempotency-key-reused")


@pytest.mark.django_db
def test_keys_of_two_programs_are_apart() -> None:
    workflow()

    first = Program("alice").post(CASES, BODY, once="k")
    second = Program("dora").post(CASES, BODY, once="k")

    assert (first.status_code, second.status_code) == (201, 200)


@pytest.mark.django_db
@pytest.mark.parametrize("once", ["", "k" * 256, "tab\there", "\x7f"])
def test_a_key_that_is_none(once: str) -> None:
    workflow()

    response = Program("alice").post(CASES, BODY, once=once)

    refusal(response, 400, "idempotency-key-missing")
    assert not Case.objects.exists()


@pytest.mark.django_db
def test_a_refusal_is_not_kept() -> None:
    place = workflow()
    bea = Program("bea")
    task = in_review(place)
    path = f"review/tasks/{task.pk}/claim"
    Seat.objects.update(state="withdrawn")
    refusal(bea.post(path, once="k"), 404, "not-found")
    again = in_review(place)

    assert bea.post(f"review/tasks/{again.pk}/claim", once="k").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(("days", "status"), [(1, 201), (2, 200)])
def test_an_answer_is_kept_past_midnight(days: int, status: int) -> None:
    workflow()
    program = Program("alice")
    program.post(CASES, BODY, once="k")
    Inbound.objects.update(day=timezone.now().date() - timedelta(days=days))

    assert program.post(CASES, BODY, once="k").status_code == status


@pytest.mark.django_db
def test_reading_takes_no_key() -> None:
    workflow()
    program = Program("alice")
    headers = {"Authorization": f"Bearer {program.text}", "Idempotency-Key": "k"}

    assert program.client.get("/api/v1/workflows", headers=headers).status_code == 200
    assert not Inbound.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_write_under_way_is_told_so() -> None:
    workflow()
    program = Program("alice")
    source = f"key:{program.key.pk}"

    with transaction.atomic():
        idempotency._locked(source, "k")
        answers: list[Any] = []
        other = threading.Thread(target=_posted, args=(program, answers))
        other.start()
        other.join()
    refusal(answers[0], 409, "idempotency-key-in-progress")
    assert program.post(CASES, BODY, once="k").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_many_at_once_start_one_case() -> None:
    workflow()
    program = Program("alice")
    answers: list[Any] = []
    threads = [threading.Thread(target=_posted, args=(program, answers)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {answer.status_code for answer in answers} <= {201, 409}
    bodies = {answer.content for answer in answers if answer.status_code == 201}
    assert len(bodies) == 1
    assert Case.objects.count() == 1


def _posted(program: Program, answers: list[Any]) -> None:
    try:
        answers.append(program.post(CASES, BODY, once="k"))
    finally:
        connections[connection.alias].close()
