"""The tutorial's three requests go as the comments of its file say."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from pytest_django import Settings

from integrations.demo import cases, loading, people
from integrations.demo.management.commands.demo import publish
from orchestrator import engine
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Actor, Case, Connection, Decision, Seat, Task, Workflow
from tests.world import decided

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("trained")]


@pytest.fixture(autouse=True)
def arrived(ledger_url: str, settings: Settings) -> str:
    """All three requests are read, by the real reader, beside a real ledger."""
    settings.REWIRE_PYTHON_CALLABLES = ["integrations.demo."]
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]
    people.ensure()
    publish("tutorial")
    Connection.objects.filter(name="ledger").update(settings={"url": ledger_url})
    tutorial = Workflow.objects.get(slug="tutorial")
    three = list(cases.arriving("tutorial"))
    engine.start_cases(tutorial, actor=loading.sender(tutorial), cases=three)
    engine.work_until_idle()
    return ledger_url


def case(key: str) -> Case:
    return Case.objects.get(key=key)


def waiting(key: str) -> Task:
    return Task.objects.get(case__key=key, state="in_review")


def booked(ledger_url: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = httpx2.get(f"{ledger_url}/refunds").json()["items"]
    return items


def test_the_small_and_clear_one_is_paid_by_the_rules_in_the_name_of_alice(arrived: str) -> None:
    small = case("small-and-clear")

    assert (small.state, small.outcome) == ("completed", "paid")
    assert [(row["amount"], row["orders"]) for row in booked(arrived)] == [(12.95, ["KF-204817"])]
    assert small.data["booking"] == booked(arrived)[0]["refund"]
    decisions = Decision.objects.filter(task__case=small).order_by("pk")
    assert [(row.via, row.word, str(row.on_behalf_of)) for row in decisions] == [
        ("rule:1/1", "approved", "alice"),
        ("rule:1/1", "approved", "alice"),
    ]


def test_the_large_one_needs_two_different_people(arrived: str) -> None:
    large = waiting("large")
    assert Seat.objects.filter(task=large, state="open").count() == 2

    decided(large, "bea", "approved", final=True)
    with pytest.raises(NotAllowed):
        engine.claim(large.pk, actor=_actor("bea"))
    engine.work_until_idle()
    assert [row["amount"] for row in booked(arrived)] == [12.95]

    decided(large, "ben", "approved", final=True)
    engine.work_until_idle()
    assert case("large").outcome == "paid"
    assert [row["amount"] for row in booked(arrived)] == [1249.0, 12.95]


def test_the_question_gets_an_answer_that_a_person_writes(arrived: str) -> None:
    decided(waiting("a-question"), "bea", "approved", final=True)
    reply = {"reply": "Oui, deux ans."}
    decided(waiting("a-question"), "ben", "responded", output=reply, final=True)

    asked = case("a-question")
    assert (asked.state, asked.outcome) == ("completed", "answered")
    assert asked.data["reply"] == "Oui, deux ans."
    assert len(booked(arrived)) == 1


def test_nothing_is_left_over() -> None:
    assert engine.orphans() == []


def _actor(name: str) -> Actor:
    return Actor.objects.get(user__username=name)
