"""A write in doubt on the reviewer's pages and in the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.models import Case, Delivery, Task
from tests import world
from tests.orchestrator.register import Register, begun, booking
from tests.programs import Program, refusal
from tests.review.conftest import SignIn
from tests.review.paper import form_on, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def register(httpserver: HTTPServer, settings: Any) -> Register:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    return Register(httpserver)


@pytest.fixture
def task(register: Register) -> Task:
    """Written by the register, which then said that it was busy."""
    register.stumbles = [-503]
    begun(booking(register, "in_doubt_to_human"))
    engine.work_until_idle()
    return Task.objects.get()


@pytest.fixture
def bea(task: Task, client_of: SignIn) -> Client:
    return client_of("bea")


def settled() -> Case:
    Task.objects.filter(state="decided").update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()
    return Case.objects.get()


def test_the_page_tells_what_was_sent_to_whom_and_what_came_back(bea: Client, task: Task) -> None:
    page = text_of(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))

    for told in ("This may have happened", "books", task.effect_key, "answered 503", "Look now"):
        assert told in page
    assert "In doubt" in text_of(bea.get("/review/"))


def test_what_the_system_of_record_says_is_read_on_demand(
    bea: Client, task: Task, register: Register
) -> None:
    bea.post(f"/review/tasks/{task.pk}/claim/")
    assert register.reads == 0

    form = form_on(bea.get(f"/review/tasks/{task.pk}/look/"))

    assert register.reads == 1
    assert Delivery.objects.get().response == {"number": 1, "amount": 5}
    form.press(bea, "approved")
    done = task.decisions.get()
    assert (done.word, done.output) == ("approved", {"number": 1, "amount": 5})
    assert settled().data["book"] == {"number": 1, "amount": 5}


def test_what_is_not_there_is_said_and_sent_again(
    bea: Client, task: Task, register: Register
) -> None:
    register.booked.clear()
    bea.post(f"/review/tasks/{task.pk}/claim/")

    answer = bea.get(f"/review/tasks/{task.pk}/look/", headers={"HX-Request": "true"})

    assert "Nothing is there under this key" in text_of(answer)
    form_on(answer).press(bea, "rejected")
    settled()
    engine.work_until_idle()
    assert register.writes == [task.effect_key] * 2
    assert Case.objects.get().state == "completed"


def test_what_cannot_be_told_is_said(bea: Client, task: Task, register: Register) -> None:
    register.reading = 500

    page = text_of(bea.get(f"/review/tasks/{task.pk}/look/"))

    assert "It cannot be told" in page
    assert "answered 500" in page


def test_that_it_happened_comes_with_its_output(bea: Client, task: Task) -> None:
    form = form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))

    assert form.press(bea, "approved").status_code == 422
    assert task.decisions.count() == 0


def test_only_who_may_decide_has_it_looked_up(
    task: Task, register: Register, client_of: SignIn
) -> None:
    assert client_of("carl").get(f"/review/tasks/{task.pk}/look/").status_code == 404
    assert client_of("cara").get(f"/review/tasks/{task.pk}/look/").status_code == 403
    assert register.reads == 0


def test_a_program_reconciles(task: Task) -> None:
    program = Program("bea")
    claimed = program.post("review/claim").json()
    assert (claimed["purpose"], claimed["output"]) == ("reconcile", None)
    assert claimed["doubt"]["sent"] == {"amount": 5}
    assert claimed["allowed_decisions"] == ["approved", "corrected", "rejected", "escalated"]
    said = {
        "claim_token": claimed["claim"]["token"],
        "digest": claimed["digest"],
        "final": True,
    }
    path = f"review/tasks/{task.pk}/decision"
    refusal(program.post(path, {"decision": "approved", **said}), 422, "invalid")
    refusal(program.post(path, {"decision": "responded", **said}), 422, "invalid")

    answer = program.post(path, {"decision": "corrected", "output": {"number": 4}, **said})

    assert json.loads(answer.content)["task_state"] == "completed"
    assert Case.objects.get().data["book"] == {"number": 4}
    assert world.actor("bea") == task.decisions.get().actor
