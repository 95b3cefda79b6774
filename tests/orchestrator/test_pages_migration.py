"""Taking running cases over on pages: the plan, what it means, how far it is, and the way back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator.models import Bulk, Case, Workflow
from tests import world
from tests.orchestrator.flows import answered, asked, begun, definition, published, task_of, told
from tests.orchestrator.troubles import done_to_many, signed_in

pytestmark = pytest.mark.django_db

MIGRATE = "/workflows/flow/migrate/"
PLAN = {"from": "1", "to": "2", "step.look": "view", "step.last": "last"}


@pytest.fixture
def place() -> Workflow:
    return published(definition([asked("look"), asked("last")], "look last", "last done"))


@pytest.fixture
def free(place: Workflow) -> Case:
    return begun(place, key="free")


@pytest.fixture
def held(place: Workflow) -> Case:
    case = begun(place, key="held")
    world.claimed(task_of(case, "look"), "bea")
    return case


@pytest.fixture
def alice(free: Case, held: Case) -> Client:
    """Alice, who has published a second version in which the first step has another name."""
    leads = [{"mode": "review", "group": "Expense leads"}]
    published(definition([asked("view", rights=leads), asked("last")], "view last", "last done"))
    return signed_in("alice")


def go(client: Client, **more: Any) -> str:
    """Take the cases over, let workers do it, and give the address of its page."""
    where = str(client.post(MIGRATE, PLAN | more)["Location"])
    done_to_many()
    return where


def test_the_plan_suggests_itself_and_offers_only_steps_of_one_kind(alice: Client) -> None:
    start = alice.get(MIGRATE)
    assert start.context["sources"] == [(1, 2)]
    assert (start.context["target"], start.context["targets"]) == ("2", [2, 1])

    plan = alice.get(MIGRATE, {"from": "1", "to": "2"}).context["mapping"]

    assert [(row["name"], row["open"]) for row in plan] == [("step.look", 2), ("step.last", 0)]
    assert plan[0]["options"] == [("view", "View", False), ("last", "Last", False)]
    assert plan[1]["options"] == [("view", "View", False), ("last", "Last", True)]


def test_a_dry_run_says_what_it_means_and_does_nothing(alice: Client, held: Case) -> None:
    page = alice.get(MIGRATE, PLAN | {"run": "1"})

    assert page.context["verdicts"]["counts"] == {"safe": 1, "hand": 1, "refused": 0}
    text = page.content.decode()
    assert "Take over 1 safe case" in text
    assert "Somebody works on Look: it is offered anew." in text
    assert reverse("case", args=[held.pk]) in text
    assert not Bulk.objects.exists()
    nowhere = alice.get(MIGRATE, {"from": "1", "to": "2", "run": "1"}).content.decode()
    assert "leads to no step of the new version" in nowhere
    assert "Take over" not in re.sub(r"<title>.*?</h1>", "", nowhere, flags=re.DOTALL)


def test_the_safe_cases_go_over_and_come_back(alice: Client, free: Case, held: Case) -> None:
    where = go(alice)

    assert (told(free).version.number, told(held).version.number) == (2, 1)
    page = alice.get(where)
    assert page.context["counts"]["done"] == 1
    assert page.context["way_back"] == {"still": 1, "moved": 0}
    assert "Take 1 case back" in page.content.decode()
    assert "version 1 → 2" in page.content.decode()
    on_workflow = alice.get("/workflows/flow/").content.decode()
    assert where in on_workflow

    back = alice.post(f"{where}revert/")["Location"]
    done_to_many()

    assert told(free).version.number == 1
    assert "version 2 → 1" in alice.get(back).content.decode()
    again = alice.get(where)
    assert again.context["counts"]["reverted"] == 1
    assert "Take 1 case back" not in again.content.decode()


def test_those_that_need_a_hand_go_only_when_asked_for(alice: Client, held: Case) -> None:
    go(alice)
    assert told(held).version.number == 1

    go(alice, by_hand="on")

    assert told(held).version.number == 2


def test_what_has_moved_on_stays(alice: Client, free: Case) -> None:
    where = go(alice)
    answered(free, "view", by="lea")

    page = alice.get(where)

    assert page.context["way_back"] == {"still": 0, "moved": 1}
    assert "nothing is left to take back" in page.content.decode()


def test_what_is_wrong_with_a_plan_is_named(alice: Client) -> None:
    same = alice.get(MIGRATE, PLAN | {"to": "1", "run": "1"})
    wrong = alice.get(MIGRATE, PLAN | {"step.look": "nothing", "run": "1"})

    assert (same.status_code, wrong.status_code) == (422, 422)
    assert "another version than the cases are on" in same.content.decode()
    assert "has no step" in wrong.content.decode()
    assert alice.get(MIGRATE, PLAN | {"to": "7"}).status_code == 404
    assert alice.post(MIGRATE, {}).status_code == 422
    assert alice.post(MIGRATE, PLAN | {"step.look": "done"}).status_code == 422
    assert not Bulk.objects.exists()


@pytest.mark.parametrize(("name", "status"), [("bea", 403), ("lea", 403), ("carl", 404)])
def test_only_who_publishes_takes_cases_over(alice: Client, name: str, status: int) -> None:
    where = go(alice)
    client = signed_in(name)

    assert client.get(MIGRATE).status_code == status
    assert client.post(MIGRATE, PLAN).status_code == status
    assert client.get(where).status_code == status
    assert client.post(f"{where}revert/").status_code == status
    assert "Take cases over" not in client.get("/workflows/flow/").content.decode()
    assert Bulk.objects.count() == 1


def test_a_migration_is_found_under_its_own_workflow_only(alice: Client) -> None:
    where = go(alice)
    world.workflow()

    assert alice.get(where.replace("flow/migrations", "expenses/migrations")).status_code == 404
    assert alice.get(f"/incidents/bulk/{Bulk.objects.get().pk}/").status_code == 404
