"""The owner hears of an agent that answers otherwise, sees its cases, and says so."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator import engine
from orchestrator.definitions import import_draft
from orchestrator.engine.events import first_break
from orchestrator.models import Actor, Debut, Event, Workflow
from orchestrator.views import debuts
from tests import world
from tests.orchestrator.test_pages_home import part
from tests.world import FLIGHT

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    place = world.workflow()
    world.in_review(place, key="early", model="gpt-x-2026-06")
    world.in_review(place, key="late", model="gpt-x-2026-11")
    return place


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


def news(client: Client) -> Any:
    return part(client.get("/"), "owner")["news"]


def test_the_owner_is_told_and_led_to_the_cases(place: Workflow) -> None:
    world.in_review(place, FLIGHT, key="later", model="gpt-x-2026-11")
    alice = signed_in("alice")

    page = alice.get("/")

    (told,) = part(page, "owner")["news"]
    assert (told.agent, told.model, told.changed) == ("reader", "gpt-x-2026-11", ["model"])
    assert (told.step, told.outputs) == ("Read the receipt", "2")
    text = page.content.decode()
    assert "reader answered as gpt-x-2026-11 for the first time" in text
    assert f"Its record begins anew, as version {told.revision}." in text
    assert f"agent reader@{told.revision}" in alice.get(told.figures_url).content.decode()
    listed = alice.get(told.cases_url)
    keys = {row["key"] for row in listed.context["rows"]}
    assert keys == {"late", "later"}
    assert f"Cases with an output of reader@{told.revision}." in listed.content.decode()


def test_it_is_acknowledged_once_and_on_record(place: Workflow) -> None:
    alice = signed_in("alice")
    (told,) = news(alice)

    first = alice.post(told.acknowledge_url, follow=True)
    alice.post(told.acknowledge_url)

    assert "You know of reader@" in first.content.decode()
    assert news(alice) == []
    debut = Debut.objects.get(before__isnull=False)
    assert debut.acknowledged_by == world.actor("alice")
    event = Event.objects.get(type="agent.acknowledged")
    assert (event.actor, event.refs["agent"]) == (world.actor("alice"), debut.actor_id)
    assert first_break(Workflow.objects.get(pk=place.pk)) is None


def test_nobody_else_acknowledges_it(place: Workflow) -> None:
    (told,) = news(signed_in("alice"))

    statuses = [signed_in(name).post(told.acknowledge_url).status_code for name in ("bea", "carl")]

    assert statuses == [403, 404]
    assert signed_in("alice").post(reverse("acknowledge", args=[10**9])).status_code == 404
    assert len(news(signed_in("alice"))) == 1


def test_few_are_shown_and_counted_no_further_than_told(
    place: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debuts, "COUNTED", 2)
    for number in range(7):
        world.in_review(place, model=f"model {number}")
    for _ in range(2):
        world.in_review(place, model="model 6")

    told = news(signed_in("alice"))

    assert [one.model for one in told] == [f"model {number}" for number in (6, 5, 4, 3, 2)]
    assert [one.outputs for one in told] == ["2+", "1", "1", "1", "1"]


def test_names_that_models_give_are_shown_as_text(place: Workflow) -> None:
    world.in_review(place, model="<script>alert(1)</script>\u202e")

    text = signed_in("alice").get("/").content.decode()

    assert "<script>alert" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("given", ["0", "x", "99999999999999999999", "١"])
def test_an_agent_that_is_none_has_no_cases(place: Workflow, given: str) -> None:
    page = signed_in("alice").get("/cases/", {"agent": given})

    assert page.status_code == 200
    assert page.context["rows"] == []


def test_a_person_is_no_agent_of_the_list(place: Workflow) -> None:
    bea = world.actor("bea")

    page = signed_in("alice").get("/cases/", {"agent": str(bea.pk)})

    assert Actor.objects.filter(pk=bea.pk).exists()
    assert f"Cases with an output of {bea.pk}." in page.content.decode()


def test_a_new_prompt_is_no_new_model(place: Workflow) -> None:
    text = world.EXPENSES.replace("Compare the fields", "Compare all fields")
    engine.publish(import_draft(text), actor=world.actor("alice"))
    world.in_review(Workflow.objects.get(pk=place.pk), model="gpt-x-2026-11")

    told, _ = news(signed_in("alice"))

    assert (told.model, told.changed) == ("", ["prompt"])
    page = signed_in("alice").get("/").content.decode()
    assert f"reader answered as {told.revision} for the first time" in page
    assert "What is new: prompt." in page
