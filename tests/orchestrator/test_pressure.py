"""Back-pressure: while too much machine work waits nobody brings more."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import jobs, pressure
from orchestrator.models import Case, Counter, Task
from tests import world
from tests.programs import Program, refusal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unread() -> None:
    pressure.forget()


@pytest.fixture
def program() -> Program:
    world.workflow()
    return Program("alice")


def bring(program: Program, key: str) -> Any:
    return program.post("workflows/expenses/cases", {"key": key, "data": {"text": "A receipt"}})


def test_the_door_closes_and_opens_again(program: Program, settings: Any) -> None:
    settings.MOST_WAITING = 2
    for key in ("a", "b"):
        assert bring(program, key).status_code == 201
    jobs.weigh()
    pressure.forget()

    response = bring(program, "c")

    refusal(response, 429, "overloaded")
    assert int(response["Retry-After"]) > 0
    batch = program.post("workflows/expenses/cases/batch", {"cases": []})
    refusal(batch, 429, "overloaded")
    assert Case.objects.count() == 2

    Task.objects.update(state="running", lease_expires_at="2999-01-01T00:00:00Z")
    jobs.weigh()
    pressure.forget()
    assert bring(program, "c").status_code == 201


def test_signals_for_what_was_taken_in_come_through(settings: Any) -> None:
    text = world.EXPENSES.replace("{text: {type: string}}", "{text: {}, address: {type: string}}")
    news = "\nsignals: {moved: {/address: /to}}\nsteps:\n"
    world.workflow(text.replace("\nsteps:\n", news))
    program = Program("alice")
    case = bring(program, "a").json()["id"]
    settings.MOST_WAITING = 1
    jobs.weigh()
    pressure.forget()
    refusal(bring(program, "b"), 429, "overloaded")

    signal = {"name": "moved", "id": "m-1", "data": {"to": "Bonn"}}

    assert program.post(f"cases/{case}/signals", signal).status_code == 200
    assert Case.objects.get().data["address"] == "Bonn"


def test_what_is_not_due_yet_does_not_count(program: Program, settings: Any) -> None:
    settings.MOST_WAITING = 1
    bring(program, "a")
    Task.objects.update(run_at="2999-01-01T00:00:00Z")

    assert pressure.measure() == 0


def test_an_old_number_turns_nobody_away(program: Program, settings: Any) -> None:
    settings.MOST_WAITING = 1
    bring(program, "a")
    jobs.weigh()
    Counter.objects.filter(measure=pressure.BACKLOG).update(count=0)
    pressure.forget()

    assert bring(program, "b").status_code == 201


def test_it_is_asked_once_a_second(
    program: Program, settings: Any, django_assert_num_queries: Any
) -> None:
    pressure.admit()
    with django_assert_num_queries(0):
        pressure.admit()
    settings.MOST_WAITING = 0
    pressure.forget()
    with django_assert_num_queries(0):
        pressure.admit()
