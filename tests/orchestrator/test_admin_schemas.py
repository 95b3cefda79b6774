"""Alice edits a schema and sees what comes of it: the form of reviewers, or the case file."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator import definitions
from orchestrator.definitions import clone_to_draft
from orchestrator.models import Case, Step, WorkflowVersion
from tests import world

pytestmark = pytest.mark.django_db

BAD = """type: object
properties:
  amount:
    type: money
"""


@pytest.fixture
def step() -> Step:
    published = world.workflow().published_version
    assert published
    return clone_to_draft(published).steps.get(key="read")


@pytest.fixture
def alice(step: Step) -> Client:
    return client_of("alice")


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


def url(row: Step | WorkflowVersion) -> str:
    return reverse(f"admin:orchestrator_{row._meta.model_name}_schema", args=[row.pk])


def text_of(step: Step) -> str:
    return definitions.written(step.schema)


def typed(step: Step, text: str, **more: str) -> dict[str, str]:
    return {"schema": text, "base": text_of(step), **more}


def shown(page: Any) -> str:
    return html.unescape(page.content.decode())


def test_the_page_shows_the_form_with_the_newest_output(alice: Client, step: Step) -> None:
    world.started(step.version.workflow, world.LUNCH, confidence=0.5, key="lunch")

    page = shown(alice.get(url(step)))

    assert 'name="f/merchant" value="Kantine"' in page
    assert '<option value="food" selected>food</option>' in page
    assert "Paid on" in page


def test_a_preview_follows_the_text_and_saves_nothing(alice: Client, step: Step) -> None:
    text = text_of(step).replace("title: Amount", "title: Total")

    whole = alice.post(url(step), typed(step, text))
    part = alice.post(
        url(step), typed(step, text), headers={"HX-Request": "true", "HX-Target": "said"}
    )

    assert "Total" in shown(whole)
    assert '<section class="panel preview" id="preview"' in shown(part)
    assert "Total" in shown(part)
    assert "<html" not in shown(part)
    assert text_of(Step.objects.get(pk=step.pk)) == text_of(step)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (BAD, 4, "A type is one of string"),
        ("type: object\nproperties:\n  a: [", 3, "cannot be read as YAML"),
        ('{"type": "object",\n "properties": {"a": {"minimum": "x"}}}', 2, "/properties/a/minimum"),
        ("type: object\ntype: array\n", 2, "stands here twice"),
        ("[1, 2]", 1, "Give a schema"),
        ("title: \x00", None, "a character that cannot be seen"),
        ("maximum: " + "9" * 400, None, "300 digits"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_place(
    alice: Client, step: Step, text: str, line: int | None, said: str
) -> None:
    page = alice.post(url(step), typed(step, text, act="save"))

    assert line is None or f"Line {line}:" in shown(page)
    assert said in shown(page)
    assert page.context["page"].text == text
    assert "as saved: the text cannot be used yet" in shown(page)
    assert Step.objects.get(pk=step.pk).schema == step.schema


def test_fields_are_added_moved_and_removed_without_writing_json(alice: Client, step: Step) -> None:
    new = {
        "new_key": "tip", "new_title": "Tip", "new_type": "choice",
        "new_choices": "none, little, much", "new_required": "on",
    }  # fmt: skip
    text = text_of(step)
    for act, more in (("add", new), ("up:tip", {}), ("remove:category", {})):
        text = alice.post(url(step), typed(step, text, act=act, **more)).context["page"].text

    saved = alice.post(url(step), typed(step, text, act="save"))

    assert saved.status_code == 302
    now = Step.objects.get(pk=step.pk)
    assert list(now.schema["properties"]) == ["merchant", "amount", "tip", "paid_on"]
    assert now.schema["properties"]["tip"] == {"title": "Tip", "enum": ["none", "little", "much"]}
    assert now.schema["required"] == ["merchant", "amount", "tip"]
    step.version.refresh_from_db()
    assert step.version.revision == 1


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ({"new_key": "1 2", "new_type": "text"}, "Give the field a key"),
        ({"new_key": "amount", "new_type": "text"}, "There is a field 'amount' already"),
        ({"new_key": "tip", "new_type": "choice"}, "Give the choices"),
        ({"new_key": "tip", "new_type": "money"}, "Choose a type"),
    ],
)
def test_a_field_that_cannot_be_added_says_why(
    alice: Client, step: Step, new: dict[str, str], said: str
) -> None:
    page = alice.post(url(step), typed(step, text_of(step), act="add", **new))

    assert said in shown(page)
    assert f'value="{new["new_key"]}"' in shown(page)
    assert page.context["page"].text == text_of(step)


def test_rules_that_lose_a_fact_are_named(alice: Client, step: Step) -> None:
    page = alice.post(url(step), typed(step, text_of(step), act="remove:amount"))

    said = "Read the receipt: Much money: There is no fact 'output/amount' here."
    assert said in shown(page)
    assert shown(page).count("There is no fact") == len(page.context["warnings"])
    assert said not in shown(alice.get(url(step)))


def test_a_schema_that_somebody_else_saved_is_not_lost(alice: Client, step: Step) -> None:
    hers = typed(step, text_of(step).replace("title: Amount", "title: Total"), act="save")
    his = typed(step, text_of(step).replace("title: Merchant", "title: Shop"), act="save")
    client_of("dora").post(url(step), his)

    page = alice.post(url(step), hers)

    assert "Somebody changed this schema" in shown(page)
    assert "title: Shop" in shown(page)
    assert "title: Total" in page.context["page"].text
    assert alice.post(url(step), hers | {"base": page.context["base"]}).status_code == 302
    assert Step.objects.get(pk=step.pk).schema["properties"]["amount"]["title"] == "Total"


def test_a_published_schema_is_only_looked_at(alice: Client, step: Step) -> None:
    published = step.version.workflow.published_version
    assert published
    frozen = published.steps.get(key="read")

    page = shown(alice.get(url(frozen)))

    assert 'name="f/merchant"' in page
    assert "Save the schema" not in page
    assert alice.post(url(frozen), typed(frozen, "type: object", act="save")).status_code == 403


@pytest.fixture
def draft(step: Step) -> WorkflowVersion:
    return step.version


def brings(draft: WorkflowVersion, **more: str) -> dict[str, str]:
    return {"base": definitions.written(draft.data_schema), **more}


def test_case_data_is_drawn_by_the_same_page_beside_the_case_file(
    alice: Client, draft: WorkflowVersion
) -> None:
    text = definitions.written(draft.data_schema)
    new = {"new_key": "shop", "new_title": "Shop", "new_type": "text", "new_required": "on"}

    page = alice.post(url(draft), brings(draft, schema=text, act="add", **new))
    saved = alice.post(url(draft), brings(draft, schema=page.context["page"].text, act="save"))

    assert '"shop": "a text"' in shown(page)
    assert reverse("api:start_case", args=["expenses"]) in shown(page)
    back = reverse("admin:orchestrator_workflowversion_change", args=[draft.pk])
    assert saved.headers["Location"] == f"{back}#schema"
    draft.refresh_from_db()
    assert draft.data_schema["properties"]["shop"] == {"title": "Shop", "type": "string"}
    assert "shop" in draft.data_schema["required"]
    assert draft.revision == 1
    listed = shown(alice.get(back))
    assert listed.index('id="schema-head"') < listed.index(">Shop<")


def test_a_case_that_would_be_refused_is_told_before_it_happens(
    alice: Client, draft: WorkflowVersion
) -> None:
    case = world.started(draft.workflow, world.LUNCH, confidence=0.5, key="lunch")
    Case.objects.filter(pk=case.pk).update(provenance={"/news": {"signal": "news", "inbound": 1}})
    wanted = "{type: object, required: [shop], properties: {shop: {type: string}}}"

    page = alice.post(url(draft), brings(draft, schema=wanted))

    assert "A case like lunch would be refused" in shown(page)
    assert "shop" in next(said for said in page.context["warnings"] if "lunch" in said)


def test_what_steps_look_at_in_the_case_is_missed_there(
    alice: Client, draft: WorkflowVersion, step: Step
) -> None:
    place = f"/{next(iter(draft.data_schema['properties']))}"
    step.evidence = [{"path": place, "label": "Asked"}]
    step.save(update_fields=["evidence"])
    wanted = "{type: object, properties: {}, additionalProperties: false}"

    page = alice.post(url(draft), brings(draft, schema=wanted))

    assert f"Read the receipt: The case has nothing at {place}." in shown(page)


def test_a_published_version_shows_what_its_cases_bring(alice: Client, step: Step) -> None:
    published = step.version.workflow.published_version
    assert published

    page = shown(alice.get(url(published)))

    assert "Save the schema" not in page
    assert "How a program starts such a case" in page
    assert alice.post(url(published), {"schema": "{}", "act": "save"}).status_code == 403
    carl = client_of("carl").get(url(published))
    assert carl.status_code != 200


def test_a_row_that_moved_keeps_the_keyboard(alice: Client, step: Step) -> None:
    moved = alice.post(url(step), typed(step, text_of(step), act="up:amount"))
    rule = step.rights.order_by("position")[1]
    up = reverse("admin:orchestrator_decisionright_move", args=[rule.pk])

    there = alice.post(up, {"up": "1", "place": "2"})

    assert 'value="down:amount" autofocus' in shown(moved)
    assert there.headers["Location"].endswith("#decisionright-1-down")
    page = shown(alice.get(there.headers["Location"]))
    assert 'id="decisionright-1-down"' in page
