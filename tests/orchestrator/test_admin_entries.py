"""Evidence and reasons of a step: added, changed, moved and removed one by one."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator.definitions import clone_to_draft
from orchestrator.models import Step
from tests import world

pytestmark = pytest.mark.django_db

RECEIPT = {"path": "/text", "as": "text", "label": "Receipt"}
MISREAD = {"code": "misread", "label": "Misread"}
UNCLEAR = {"code": "unclear", "label": "Unclear"}


@pytest.fixture
def step() -> Step:
    published = world.workflow().published_version
    assert published
    return clone_to_draft(published).steps.get(key="read")


@pytest.fixture
def alice(step: Step) -> Client:
    client = Client()
    client.force_login(world.person("alice"))
    return client


def url(page: str, step: Step, *args: object) -> str:
    return reverse(f"admin:orchestrator_step_{page}", args=[step.pk, *args])


def listed(step: Step, column: str) -> Any:
    return getattr(Step.objects.get(pk=step.pk), column)


def test_a_reason_is_added_changed_and_removed(alice: Client, step: Step) -> None:
    late = {"code": "late", "label": "Too late"}
    added = alice.post(url("entry_add", step, "reasons"), late)
    assert added["Location"].endswith("#reasons")
    assert listed(step, "reasons") == [MISREAD, UNCLEAR, late]

    alice.post(url("entry", step, "reasons", 2), late | {"label": "Late", "seen": json.dumps(late)})
    assert listed(step, "reasons")[2] == {"code": "late", "label": "Late"}

    alice.post(url("entry", step, "reasons", 0), {"seen": json.dumps(MISREAD), "delete": "1"})
    assert [row["code"] for row in listed(step, "reasons")] == ["unclear", "late"]
    step.version.refresh_from_db()
    assert step.version.revision == 3


def test_evidence_offers_the_places_of_the_case(alice: Client, step: Step) -> None:
    page = alice.get(url("entry_add", step, "evidence")).content.decode()
    assert '<option value="/text">' in page
    assert '<option value="/expense/amount">' in page

    wrong = alice.post(url("entry_add", step, "evidence"), {"path": "/photo", "as": "image"})
    assert "The case has nothing at /photo." in wrong.content.decode()
    alice.post(url("entry_add", step, "evidence"), {"path": "/expense", "as": "json", "label": ""})
    assert listed(step, "evidence") == [RECEIPT, {"path": "/expense", "as": "json"}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"code": "misread", "label": "Again"}, "Another reason is called so already"),
        ({"code": "", "label": "Nameless"}, "This field is required"),
    ],
)
def test_a_reason_that_cannot_be_says_why(
    alice: Client, step: Step, given: dict[str, str], said: str
) -> None:
    page = alice.post(url("entry_add", step, "reasons"), given).content.decode()

    assert said in page
    assert f'value="{given["label"]}"' in page


def test_entries_move_by_one_click_each(alice: Client, step: Step) -> None:
    page = alice.get(reverse("admin:orchestrator_step_change", args=[step.pk])).content.decode()
    assert "Move Unclear up" in page
    shown = [html.unescape(text) for text in re.findall(r'name="entry" value="([^"]*)"', page)]
    assert json.dumps(UNCLEAR) in shown
    press = {"up": "1", "entry": json.dumps(UNCLEAR)}

    alice.post(url("entry_move", step, "reasons", 1), press)
    twice = alice.post(url("entry_move", step, "reasons", 1), press, follow=True)

    assert listed(step, "reasons") == [UNCLEAR, MISREAD]
    assert "The order changed meanwhile" in twice.content.decode()


def test_what_somebody_else_changed_is_not_written_over(alice: Client, step: Step) -> None:
    Step.objects.filter(pk=step.pk).update(reasons=[{"code": "misread", "label": "Wrong"}, UNCLEAR])

    typed = MISREAD | {"label": "Read badly", "seen": json.dumps(MISREAD)}
    page = alice.post(url("entry", step, "reasons", 0), typed).content.decode()

    assert "Somebody changed or removed this meanwhile" in page
    assert 'value="Read badly"' in page
    assert listed(step, "reasons")[0]["label"] == "Wrong"


def test_entries_of_what_is_published_stay(alice: Client, step: Step) -> None:
    published = step.version.workflow.published_version
    assert published
    frozen = published.steps.get(key="read")

    assert alice.get(url("entry", frozen, "reasons", 0)).status_code == 403
    press = {"down": "1", "entry": json.dumps(MISREAD)}
    assert alice.post(url("entry_move", frozen, "reasons", 0), press).status_code == 403
    assert alice.get(url("entry_add", step, "schema")).status_code == 404
