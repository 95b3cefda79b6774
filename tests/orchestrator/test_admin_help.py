"""Every field of a definition says what it is, with an example that the form accepts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator.admin.fields import PointerField, SpanField, YamlField
from orchestrator.admin.help import HELP
from orchestrator.admin.stepforms import HAS
from orchestrator.definitions import clone_to_draft
from orchestrator.models import Connection, StepKind, WorkflowVersion
from tests import world

pytestmark = pytest.mark.django_db

TYPED = (YamlField, SpanField, PointerField)


@pytest.fixture
def forms() -> dict[str, Any]:
    """The form of each model, as its page shows it to a superuser."""
    published = world.workflow().published_version
    assert published
    draft = clone_to_draft(published)
    client = Client()
    client.force_login(world.person("dora"))
    pages = {name: client.get(address) for name, address in addresses(draft).items()}
    return {
        name: page.context["form"] if name == "ApiKey" else page.context["adminform"].form
        for name, page in pages.items()
    }


def addresses(draft: WorkflowVersion) -> dict[str, str]:
    step = draft.steps.get(key="read")
    kinds = {
        f"Step {kind}": url("step_change", draft.steps.create(
            key=kind, name=kind, kind=kind, position=100 + place).pk)
        for place, kind in enumerate(StepKind.values)
    }  # fmt: skip
    new = {f"New {kind}": url("step_add", version=draft.pk, kind=kind) for kind in StepKind.values}
    return {
        **kinds,
        **new,
        "Workflow": url("workflow_add"),
        "WorkflowVersion": url("workflowversion_change", draft.pk),
        "DecisionRight": url("decisionright_add", step=step.pk),
        "Transition": url("transition_add", source=step.pk),
        "Actor": url("actor_add"),
        "Connection": url("connection_change", Connection.objects.get().pk),
        "Grant": url("grant_add"),
        "ApiKey": url("apikey_add"),
    }


def url(name: str, *args: object, **query: object) -> str:
    return reverse(f"admin:orchestrator_{name}", args=args, query=query or None)


def test_every_field_has_a_sentence_and_an_example(forms: dict[str, Any]) -> None:
    without = [
        (model, name)
        for model, form in forms.items()
        for name, field in form.fields.items()
        if not re.search(r"[.?:] (For e|E)xample", str(field.help_text))
    ]

    assert without == []
    fields = {model: set(forms[model].fields) for model in HELP if model != "Step"}
    fields["Step"] = {name for kind in StepKind.values for name in forms[f"Step {kind}"].fields}
    assert {model: set(HELP[model]) - fields[model] for model in HELP} == {
        model: set() for model in HELP
    }


def test_a_step_has_the_fields_of_its_kind_and_no_others(forms: dict[str, Any]) -> None:
    for kind in StepKind.values:
        fields = {name for name in forms[f"Step {kind}"].fields if not name.startswith("flow_")}
        assert fields == {"name", "key", "kind", *HAS[StepKind(kind)]}
        assert forms[f"New {kind}"].fields.keys() == forms[f"Step {kind}"].fields.keys()
    assert [name for name in forms["Step timer"].fields if name.startswith("flow_")] == [
        *("flow_after", "flow_working", "flow_until")
    ]
    assert not any(name.startswith("flow_") for name in forms["Step agent"].fields)


def test_the_examples_are_what_the_fields_accept(forms: dict[str, Any]) -> None:
    tried = 0
    for form in forms.values():
        for field in form.fields.values():
            found = re.search(r"\bExample[^:]*: (.*)\.$", str(field.help_text))
            if isinstance(field, TYPED) and found:
                field.clean(found[1])
                tried += 1

    assert tried > 15
