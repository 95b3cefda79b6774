"""Alice tries the rules of a step: on real outputs and typed ones, of a draft and as published."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orchestrator import engine
from orchestrator.definitions import clone_to_draft
from orchestrator.models import DecisionRight, Step, Workflow
from tests import world

pytestmark = pytest.mark.django_db

POSTED = {
    "f/merchant": "Kantine",
    "f/amount": "42.5",
    "f/category": "food",
    "confidence": "0.95",
    "data": '{"text": "A receipt"}',
    "round": "1",
}


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def step_of(place: Workflow) -> Step:
    assert place.published_version
    return place.published_version.steps.get(key="read")


def draft_step(place: Workflow) -> Step:
    assert place.published_version
    return clone_to_draft(place.published_version).steps.get(key="read")


def url(step: Step, **query: object) -> str:
    return reverse("admin:orchestrator_step_try", args=[step.pk], query=query or None)


def tried(step: Step, **more: str) -> Any:
    """What the page says of a typed output, as the first version that it names."""
    response = client_of("alice").post(url(step), POSTED | more)
    assert response.status_code == 200
    return response.context["found"][0]


def modes(step: Step, **more: str) -> tuple[str, str]:
    found = tried(step, **more).outcome
    return found.mode, str(found.fired)


def test_a_real_output_is_tried_clause_by_clause(place: Workflow) -> None:
    world.started(place, world.LUNCH, confidence=0.5, key="lunch")

    page = client_of("alice").get(url(step_of(place)))

    text = page.content.decode()
    assert "lunch" in text
    assert "confidence 0.50 is below 0.90" in text
    assert "amount 42.5 is at most 100" in text
    found = page.context["found"][0]
    assert (found.outcome.mode, str(found.outcome.fired)) == ("review", "Everything else")
    assert found.asked.group == "Expense reviewers"
    assert found.asked.able == ["Bea", "Ben"]
    clause = found.outcome.route.why[2]["trace"]["children"][0]
    assert (clause["truth"], clause["actual"], clause["expected"]) == (False, 0.5, 0.9)


def test_what_is_typed_goes_where_the_engine_would_send_it(place: Workflow) -> None:
    step = step_of(place)

    assert modes(step) == ("auto", "Small and sure")
    assert modes(step, confidence="0.2") == ("review", "Everything else")
    assert modes(step, **{"f/merchant": "Casino"}) == ("block", "Forbidden")
    assert modes(step, **{"f/amount": "2000"}) == ("dual", "Much money")


def test_unknown_is_neither_true_nor_false(place: Workflow) -> None:
    for unsure in ("", "1.2", "nan", "much"):
        found = tried(step_of(place), confidence=unsure).outcome
        assert found.mode == "review"
        assert found.route.why[2]["truth"] is None
    missing = tried(step_of(place), **{"f/amount": ""}).outcome
    assert (missing.mode, missing.route.why[0]["truth"]) == ("dual", None)


def test_who_would_be_asked_heeds_four_eyes_limits_and_stops(place: Workflow) -> None:
    step = step_of(place)
    world.actor("bea")

    two = tried(step, initiator="bea", **{"f/amount": "2000"})
    assert two.asked.able == ["Ben"]
    assert [name for name, _ in two.asked.unable] == ["Bea"]
    assert not two.asked.enough
    engine.halt(place, actor=world.actor("dora"), reason="Test")
    stopped = tried(step)
    assert (stopped.outcome.mode, stopped.outcome.reason) == (
        "review",
        "automatic approval is stopped",
    )


def test_a_draft_is_tried_beside_what_is_published(place: Workflow) -> None:
    step = draft_step(place)
    rule = step.rights.get(mode="auto")
    rule.condition = {"fact": "confidence", "op": "ge", "value": 0.99}
    rule.save()

    response = client_of("alice").post(url(step), POSTED)

    draft, published = response.context["found"]
    assert (draft.label, draft.outcome.mode) == ("v2 (draft)", "review")
    assert (published.label, published.outcome.mode) == ("v1 (published)", "auto")


def test_a_table_counts_the_routes_that_change(place: Workflow) -> None:
    for index, confidence in enumerate((0.91, 0.92, 0.99, 0.3)):
        world.started(place, world.LUNCH, confidence=confidence, key=f"case-{index}")
    world.started(place, {"merchant": "Casino", "amount": 5}, confidence=0.9, key="casino")
    step = draft_step(place)
    DecisionRight.objects.filter(step=step, mode="auto").update(
        condition={"fact": "confidence", "op": "ge", "value": 0.95}
    )
    DecisionRight.objects.filter(step=step, mode="block").delete()

    page = client_of("alice").get(url(step))

    assert page.context["turns"] == [("auto", "review", 2), ("block", "review", 1)]
    assert page.context["same"] == 2
    assert "Automatic → One reviewer: <strong>2</strong>" in page.content.decode()


def test_an_output_that_no_longer_fits_the_schema_is_told(place: Workflow) -> None:
    world.started(place, world.LUNCH, confidence=0.95, key="lunch")
    step = draft_step(place)
    step.schema["required"].append("paid_on")
    step.save()

    page = client_of("alice").get(url(step))

    assert page.context["turns"] == [("auto", "invalid", 1)]
    assert "Does not fit the schema" in page.content.decode()


def test_rules_ask_about_the_case_as_it_was_before_the_step(place: Workflow) -> None:
    world.started(place, world.LUNCH, confidence=0.95, key="lunch")

    page = client_of("alice").get(url(step_of(place)))

    assert json.loads(page.context["sample"].data_text) == {"text": "A receipt"}


def test_nothing_is_written(place: Workflow) -> None:
    world.started(place, world.LUNCH, confidence=0.5, key="lunch")
    step = draft_step(place)
    client = client_of("alice")
    client.get(url(step))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        client.get(url(step))
        client.post(url(step), POSTED)

    told = [row["sql"].split()[0] for row in queries]
    assert set(told) <= {"SELECT", "WITH", "SAVEPOINT", "RELEASE"}


def test_rows_of_a_list_come_and_go_without_javascript(place: Workflow) -> None:
    step = draft_step(place)
    step.schema["properties"]["tags"] = {"type": "array", "items": {"type": "string"}}
    step.save()
    client = client_of("alice")

    page = client.post(url(step), POSTED | {"add": "/tags"}).content.decode()
    part = client.post(
        url(step), POSTED | {"add": "/tags"}, headers={"HX-Request": "true", "HX-Target": "fields"}
    ).content.decode()

    assert 'name="f/tags/0"' in page
    assert part.lstrip().startswith("<fieldset")
    assert 'value="Kantine"' in part


def test_a_blind_reviewer_learns_nothing_here(place: Workflow) -> None:
    DecisionRight.objects.all()
    text = world.EXPENSES.replace("    mode: review", "    mode: review\n        blind: true")
    blind = world.workflow(text.replace("workflow: expenses", "workflow: blind"))
    world.started(blind, world.LUNCH, confidence=0.5, key="secret")
    step = step_of(blind)
    alice = client_of("alice")
    assert "secret" in alice.get(url(step)).content.decode()

    world.person("alice").groups.add(Group.objects.get(name="Expense reviewers"))

    assert "secret" not in alice.get(url(step)).content.decode()


@pytest.mark.parametrize("name", ["bea", "carl"])
def test_who_may_not_see_definitions_tries_nothing(place: Workflow, name: str) -> None:
    user = world.person(name)
    user.is_staff = True
    user.save()

    assert client_of(name).get(url(step_of(place))).status_code == 404
