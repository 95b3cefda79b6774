"""Many at once, each with a connection of its own: nobody gets what somebody else has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from django.db import connection, transaction

from orchestrator import engine
from orchestrator.exceptions import NotAllowed, Refusal, StaleClaim
from orchestrator.models import Actor, Seat
from tests.orchestrator.queue import person, seat, workflow

pytestmark = pytest.mark.django_db(transaction=True)

Result = TypeVar("Result")

REVIEWERS = ("Expense team", "Expense reviewers")


def at_once(acts: Sequence[Callable[[], Result]]) -> list[Result | Refusal]:
    """What each act returned or was refused with; all start together."""
    gate = Barrier(len(acts), timeout=30)

    def run(act: Callable[[], Result]) -> Result | Refusal:
        connection.ensure_connection()
        gate.wait()
        try:
            return act()
        except Refusal as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def nexts(people: Sequence[Actor]) -> list[Callable[[], Seat | None]]:
    return [lambda actor=actor: engine.claim_next(actor=actor) for actor in people]  # type: ignore[misc]


def pks(results: Sequence[Any]) -> list[int]:
    return [row.pk for row in results if row is not None]


@pytest.mark.parametrize("lanes", [1, 4])
def test_fifty_sessions_claim_twenty_seats(lanes: int) -> None:
    """Twenty winners, each seat once, and thirty who are told that nothing is left."""
    flows = [workflow(f"w-{number}", "Expense team") for number in range(lanes)]
    for number in range(20):
        seat(flows[number % lanes], f"c-{number}", due=number)
    people = [person(f"p-{number}", *REVIEWERS) for number in range(50)]

    results = at_once(nexts(people))

    won = pks(results)
    assert (len(won), len(set(won)), results.count(None)) == (20, 20, 30)
    holders = Seat.objects.values_list("claimed_by", flat=True)
    assert len(set(holders)) == 20


def test_two_claim_one_seat_by_name() -> None:
    row = seat(workflow(), "c-1")
    people = [person(name, *REVIEWERS) for name in ("bea", "ben", "bert", "bo")]

    acts = [lambda actor=actor: engine.claim(row.task_id, actor=actor) for actor in people]
    results = at_once(acts)

    kinds = Counter(type(result) for result in results)
    assert kinds == {Seat: 1, StaleClaim: 3}


def test_one_person_in_eight_windows_gets_one_seat_of_a_dual_task() -> None:
    first = seat(workflow(), "dual")
    seat(first.workflow, "dual", of=first.task)
    bea = person("bea", *REVIEWERS)

    results = at_once(nexts([bea] * 4) + [lambda: engine.claim(first.task_id, actor=bea)] * 4)

    assert Seat.objects.filter(claimed_by=bea).count() == 1
    assert not [result for result in results if isinstance(result, NotAllowed)]
    tokens = {row.claim_token for row in results if isinstance(row, Seat)}
    assert len(tokens) == 1


def test_both_seats_of_a_dual_task_go_to_two_people() -> None:
    first = seat(workflow(), "dual")
    second = seat(first.workflow, "dual", of=first.task)
    people = [person(name, *REVIEWERS) for name in ("bea", "ben", "bert")]

    results = at_once(nexts(people))

    assert sorted(pks(results)) == [first.pk, second.pk]


def test_an_ended_claim_has_one_heir() -> None:
    row = seat(workflow(), "c-1")
    bea, *heirs = (person(name, *REVIEWERS) for name in ("bea", "ben", "bert", "bo"))
    engine.claim(row.task_id, actor=bea)
    token = Seat.objects.get().claim_token
    assert token
    Seat.objects.update(claim_expires_at="2000-01-01T00:00:00Z")

    results = at_once(
        [*nexts(heirs), lambda: engine.heartbeat(row.task_id, actor=bea, token=token)]
    )

    assert isinstance(results.pop(), StaleClaim)
    assert len(pks(results)) == 1


@pytest.mark.parametrize(("locked", "got"), [(10, "c-10"), (12, None)])
def test_a_seat_that_others_have_locked_is_passed_over(locked: int, got: str | None) -> None:
    """However many they are; nobody waits, and where all are locked the search ends."""
    expenses = workflow()
    for number in range(12):
        seat(expenses, f"c-{number}", due=number)
    bea = person("bea", *REVIEWERS)

    with transaction.atomic():
        assert len(Seat.objects.select_for_update().order_by("due_at")[:locked]) == locked
        results = at_once([lambda: engine.claim_next(actor=bea)])

    assert [row.task.case.key if isinstance(row, Seat) else row for row in results] == [got]
