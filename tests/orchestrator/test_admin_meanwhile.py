"""Alice and dora edit one draft: nobody's edit is lost, and nothing typed is."""

from __future__ import annotations

import html
import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse

from orchestrator.definitions import clone_to_draft, export_version
from orchestrator.models import DecisionRight, Step, Transition, WorkflowVersion
from tests import world

pytestmark = pytest.mark.django_db


def client_of(name: str) -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


@pytest.fixture
def draft() -> WorkflowVersion:
    published = world.workflow().published_version
    assert published
    return clone_to_draft(published)


@pytest.fixture
def alice(draft: WorkflowVersion) -> Client:
    return client_of("alice")


@pytest.fixture
def dora(draft: WorkflowVersion) -> Client:
    return client_of("dora")


def url(model: str, page: str, *args: object, **query: object) -> str:
    return reverse(f"admin:orchestrator_{model}_{page}", args=args, query=query or None)


def form_of(client: Client, address: str) -> dict[str, Any]:
    """What a browser would post of the page as it stands."""
    page = client.get(address)
    return posted(page)


def posted(page: Any) -> dict[str, Any]:
    form = page.context["adminform"].form
    data: dict[str, Any] = {}
    for bound in form:
        value = bound.value()
        if value is not None and value is not False:
            data[bound.html_name] = value
    if hasattr(form, "editor"):
        data |= form.editor.posted
    hidden = re.findall(r'name="(seen|revision)" value="([^"]*)"', page.content.decode())
    return data | {name: html.unescape(text) for name, text in hidden}


def test_the_second_save_is_told_and_keeps_what_was_typed(
    alice: Client, dora: Client, draft: WorkflowVersion
) -> None:
    step = draft.steps.get(key="read")
    address = url("step", "change", step.pk)
    hers, his = form_of(alice, address), form_of(dora, address)
    assert dora.post(address, his | {"name": "Look", "undo_seconds": "0s"}).status_code == 302

    page = alice.post(address, hers | {"name": "Read well", "instructions": "Take care."})

    text = page.content.decode()
    step.refresh_from_db()
    assert step.name == "Look"
    assert "Somebody changed this while you were typing" in text
    assert "dora saved it" in text
    told = {row.path: row.state for row in page.context["meanwhile"].rows}
    assert told == {
        "/name": "conflict", "/instructions": "right", "/undo_seconds": "left",
    }  # fmt: skip
    again = posted(page)
    assert (again["name"], again["instructions"]) == ("Read well", "Take care.")
    assert again["undo_seconds"] == "0s"

    assert alice.post(address, again).status_code == 302
    step.refresh_from_db()
    assert (step.name, step.instructions, step.undo_seconds) == ("Read well", "Take care.", 0)


def test_a_rules_condition_is_taken_over_where_only_the_other_changed_it(
    alice: Client, dora: Client, draft: WorkflowVersion
) -> None:
    rule = DecisionRight.objects.get(step__version=draft, mode="auto")
    address = url("decisionright", "change", rule.pk)
    hers, his = form_of(alice, address), form_of(dora, address)
    dora.post(address, his | {"when-rows-0-value": "0.97"})

    page = alice.post(address, hers | {"name": "Sure"})

    assert "/when" in {row.path for row in page.context["meanwhile"].rows}
    assert alice.post(address, posted(page)).status_code == 302
    rule.refresh_from_db()
    assert rule.name == "Sure"
    assert rule.condition
    assert rule.condition["all"][0]["value"] == 0.97


def test_edits_of_different_parts_go_together(
    alice: Client, dora: Client, draft: WorkflowVersion
) -> None:
    step = draft.steps.get(key="read")
    rule = step.rights.get(mode="auto")
    address = url("step", "change", step.pk)
    hers = form_of(alice, address)
    other = url("decisionright", "change", rule.pk)
    assert dora.post(other, form_of(dora, other) | {"name": "Sure"}).status_code == 302

    page = alice.post(address, hers | {"name": "Look"}, follow=True)

    step.refresh_from_db()
    draft.refresh_from_db()
    assert step.name == "Look"
    assert "Other parts of this draft were changed meanwhile" in page.content.decode()
    assert draft.revision == 2


def test_what_was_typed_for_a_part_that_is_gone_is_shown(
    alice: Client, dora: Client, draft: WorkflowVersion
) -> None:
    link = Transition.objects.filter(version=draft).first()
    assert link
    step = draft.steps.get(key="refused")
    address = url("step", "change", step.pk)
    hers = form_of(alice, address)
    dora.post(url("step", "delete", step.pk), {"post": "yes"})

    page = alice.post(address, hers | {"name": "Turned <down>"})

    assert page.status_code == 409
    assert "Turned &lt;down&gt;" in page.content.decode()


def test_the_text_of_a_draft_is_not_written_over_somebodys_edit(
    alice: Client, dora: Client, draft: WorkflowVersion
) -> None:
    address = url("workflowversion", "text", draft.pk)
    base = export_version(draft)
    step = draft.steps.get(key="read")
    other = url("step", "change", step.pk)
    dora.post(other, form_of(dora, other) | {"name": "Look"})
    typed = {"text": base.replace("0.9", "0.7"), "base": base}

    page = alice.post(address, typed)

    assert "+- key: read" not in page.content.decode()
    assert [line.text.strip() for line in page.context["page"].meanwhile if line.sign == "+"] == [
        "name: Look"
    ]
    assert "0.7" in page.context["page"].text
    again = typed | {"base": page.context["page"].base}
    assert alice.post(address, again).status_code == 302
    assert "0.7" in str(DecisionRight.objects.get(step__version=draft, mode="auto").condition)


def test_a_text_keeps_the_draft_that_it_is_written_to(
    alice: Client, draft: WorkflowVersion
) -> None:
    address = url("workflowversion", "text", draft.pk)

    alice.post(address, {"text": export_version(draft).replace("name: Booked", "name: Paid")})

    now = WorkflowVersion.objects.get(workflow=draft.workflow, published_at=None)
    assert (now.pk, now.number, now.revision) == (draft.pk, 2, draft.revision + 1)
    assert now.steps.get(key="booked").name == "Paid"


# --- Groups that nobody knows


def test_a_text_with_a_slip_in_a_group_is_refused_until_it_is_meant(
    alice: Client, draft: WorkflowVersion
) -> None:
    address = url("workflowversion", "text", draft.pk)
    text = export_version(draft).replace("group: Expense reviewers", "group: Expense reviewer")

    page = alice.post(address, {"text": text})

    assert "There is no group &#x27;Expense reviewer&#x27;." in page.content.decode()
    assert "Near it: Expense reviewers" in page.content.decode()
    assert not Group.objects.filter(name="Expense reviewer").exists()
    assert alice.post(address, {"text": text, "create_groups": "on"}).status_code == 302
    assert Group.objects.filter(name="Expense reviewer").exists()


def test_the_command_names_the_nearest_groups_and_makes_none_unasked(
    draft: WorkflowVersion, tmp_path: Any
) -> None:
    file = tmp_path / "expenses.yaml"
    text = export_version(draft).replace(
        "escalates_to: Expense leads", "escalates_to: Expense lead"
    )
    file.write_text(text, encoding="utf-8")

    with pytest.raises(CommandError) as refused:
        call_command("import_workflow", file)

    said = str(refused.value)
    assert "/steps/0/rights/0/escalates_to: There is no group 'Expense lead'." in said
    assert "Near it: Expense leads" in said
    assert said.endswith("--create-groups.")
    assert not Group.objects.filter(name="Expense lead").exists()
    call_command("import_workflow", file, "--create-groups", stdout=StringIO())
    assert Group.objects.filter(name="Expense lead").exists()


# --- Order


def test_one_click_is_one_move(alice: Client, draft: WorkflowVersion) -> None:
    step = draft.steps.get(key="refused")
    move = url("step", "move", step.pk)
    page = alice.get(url("workflowversion", "change", draft.pk)).content.decode()
    assert '<input type="hidden" name="place" value="3">' in page

    alice.post(move, {"up": "1", "place": "3"})
    twice = alice.post(move, {"up": "1", "place": "3"}, follow=True)

    places = list(draft.steps.order_by("position").values_list("key", "position"))
    assert places == [("read", 1), ("refused", 2), ("booked", 3)]
    assert "The order changed meanwhile" in twice.content.decode()


def test_places_stay_without_a_gap(alice: Client, draft: WorkflowVersion) -> None:
    first = DecisionRight.objects.get(step__version=draft, position=1)

    alice.post(url("decisionright", "delete", first.pk), {"post": "yes"})

    step = Step.objects.get(version=draft, key="read")
    assert list(step.rights.order_by("position").values_list("position", flat=True)) == [1, 2, 3]
