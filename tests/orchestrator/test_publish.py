"""Only a whole definition is published, under somebody's name, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import QuerySet

from orchestrator import engine
from orchestrator.definitions import import_draft, problems
from orchestrator.engine.events import first_break
from orchestrator.exceptions import NotFound, Unpublishable
from orchestrator.models import Actor, Event, WorkflowVersion

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parents[2] / "integrations/demo/workflows"


@pytest.fixture
def alice() -> Actor:
    return Actor.objects.for_user(User.objects.create_user("alice"))


@pytest.fixture
def draft(alice: Actor) -> WorkflowVersion:
    return import_draft((FOLDER / "tutorial.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["tutorial", "digits", "refunds"])
def test_the_workflows_of_the_demo_can_be_published(alice: Actor, name: str) -> None:
    assert problems(import_draft((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))) == []


def test_publishing_is_dated_signed_and_recorded(draft: WorkflowVersion, alice: Actor) -> None:
    version = engine.publish(draft, actor=alice)

    workflow = version.workflow
    workflow.refresh_from_db()
    told = Event.objects.get()
    assert workflow.published_version == version
    assert (version.published_by, len(version.digest)) == (alice.user, 64)
    assert (told.type, told.at, told.actor) == ("version.published", version.published_at, alice)
    assert told.payload == {"number": 1, "digest": version.digest}
    assert first_break(workflow) is None


def test_a_draft_is_published_once(draft: WorkflowVersion, alice: Actor) -> None:
    engine.publish(draft, actor=alice)

    with pytest.raises(NotFound):
        engine.publish(draft, actor=alice)


# What is broken, and how: rows of the draft's reading step, and their new columns.
BROKEN: dict[str, tuple[str, dict[str, Any]]] = {
    "accountable": ("version", {"accountable": None}),
    "data": ("version", {"data_schema": {"type": "odd"}}),
    "actor": ("step", {"actor": None}),
    "schema": ("step", {"schema": {}}),
    "nobody": ("asking", {"mode": "auto"}),
    "group": ("dual", {"group": None}),
    "rule": ("auto", {"condition": {"fact": "confidence", "op": "no"}}),
    "condition": ("leaving", {"condition": {"all": 5}}),
}


def broken(draft: WorkflowVersion, what: str) -> None:
    read = draft.steps.get(key="read")
    name, columns = BROKEN[what]
    rows: dict[str, QuerySet[Any]] = {
        "version": WorkflowVersion.objects.filter(pk=draft.pk),
        "step": draft.steps.filter(pk=read.pk),
        "asking": read.rights.exclude(mode="auto"),
        "dual": read.rights.filter(mode="dual"),
        "auto": read.rights.filter(mode="auto"),
        "leaving": read.transitions.filter(position=1),
    }
    assert rows[name].update(**columns)


@pytest.mark.parametrize(
    ("what", "path"),
    [
        ("accountable", "/accountable"),
        ("data", "/data"),
        ("actor", "/steps/0/actor"),
        ("schema", "/steps/0/schema"),
        ("nobody", "/steps/0/rights"),
        ("group", "/steps/0/rights/1/group"),
        ("rule", "/steps/0/rights/0/when"),
        ("condition", "/transitions/0/when"),
    ],
)
def test_what_is_missing_is_named_with_its_place(
    draft: WorkflowVersion, alice: Actor, what: str, path: str
) -> None:
    broken(draft, what)

    with pytest.raises(Unpublishable) as caught:
        engine.publish(draft, actor=alice)

    places = [row["path"] for row in caught.value.details["problems"]]
    assert any(place.startswith(path) for place in places)
    assert not Event.objects.exists()


def test_every_step_is_reached_and_left(draft: WorkflowVersion) -> None:
    draft.transitions.filter(source__key="read").delete()

    said = {problem.message for problem in problems(draft)}
    assert {"No transition leads on from read.", "No transition leads to book."} <= said


def test_a_workflow_without_an_end_is_refused(draft: WorkflowVersion) -> None:
    draft.steps.filter(kind="end").delete()

    assert "/steps" in [problem.path for problem in problems(draft)]
