"""The change history of a draft, in the language of whoever reads it."""

from __future__ import annotations

import html

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import definitions
from orchestrator.definitions import clone_to_draft
from orchestrator.models import DecisionRight, Grant, Step
from tests import world

pytestmark = pytest.mark.django_db

GERMAN = {"accept-language": "de"}


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


def told(client: Client, name: str, pk: int, **headers: str) -> str:
    page = client.get(reverse(f"admin:orchestrator_{name}_history", args=[pk]), headers=headers)
    return html.unescape(page.content.decode())


def test_what_was_changed_in_german_is_told_in_both_languages(alice: Client, step: Step) -> None:
    address = reverse("admin:orchestrator_step_change", args=[step.pk])
    form = alice.get(address).context["adminform"].form
    typed = {bound.html_name: bound.value() for bound in form if bound.value() not in (None, False)}
    renamed = typed | {"name": "Lesen", "instructions": "Genau."}
    assert alice.post(address, renamed, headers=GERMAN).status_code == 302
    text = definitions.written(step.schema)
    schema = {"schema": text.replace("title: Amount", "title: Total"), "base": text, "act": "save"}
    draw = reverse("admin:orchestrator_step_schema", args=[step.pk])
    assert alice.post(draw, schema, headers=GERMAN).status_code == 302

    english, german = told(alice, "step", step.pk), told(alice, "step", step.pk, **GERMAN)

    assert "Changed Name and Instructions." in english
    assert "Changed The schema." in english
    assert "Name und Anleitung geändert." in german
    assert "Das Schema geändert." in german


def test_a_condition_that_changed_is_told(alice: Client, step: Step) -> None:
    rule = DecisionRight.objects.get(step=step, mode="auto")
    address = reverse("admin:orchestrator_decisionright_change", args=[rule.pk])
    form = alice.get(address).context["adminform"].form
    typed = {bound.html_name: bound.value() for bound in form if bound.value() not in (None, False)}
    posted = typed | form.editor.posted | {"when-mode": "always"}

    assert alice.post(address, posted).status_code == 302

    assert "Changed When it applies." in told(alice, "decisionright", rule.pk)
    assert "Wann sie gilt geändert." in told(alice, "decisionright", rule.pk, **GERMAN)


def test_grants_are_listed_in_words() -> None:
    world.workflow()
    client = Client()
    client.force_login(world.person("dora"))
    grant = Grant.objects.create(
        action="start", actor=world.actor("bea"), valid=DateTimeTZRange(timezone.now(), None)
    )

    listed = client.get(reverse("admin:orchestrator_grant_changelist"), headers=GERMAN)
    shown = client.get(reverse("admin:orchestrator_grant_change", args=[grant.pk]), headers=GERMAN)

    for page in (listed.content.decode(), shown.content.decode()):
        assert "Vorgänge beginnen" in page
        assert "None" not in page
        assert "+00:00, " not in page
