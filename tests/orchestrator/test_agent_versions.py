"""Whatever else answers than before is another version of the agent, with a record of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from orchestrator import engine
from orchestrator.canonical import digest
from orchestrator.connectors import Result
from orchestrator.definitions import import_draft
from orchestrator.engine import versions
from orchestrator.engine.events import first_break
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    Actor,
    Attempt,
    Case,
    Connection,
    Debut,
    Event,
    Incident,
    Routing,
    Task,
    Workflow,
)
from tests import world
from tests.orchestrator.races import at_once
from tests.world import LUNCH

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def answers(**settings: Any) -> None:
    """From now on the agent behind the connection answers like this."""
    row = Connection.objects.get(name="reader")
    row.settings = {"output": LUNCH, "confidence": 0.5, **settings}
    row.save()


def asked(place: Workflow) -> Attempt:
    """The attempt of a new case, made by a worker."""
    case = world.started(place)
    engine.work_until_idle()
    return Attempt.objects.select_related("actor").get(task__case=case)


def changed() -> list[Event]:
    return list(Event.objects.filter(type="agent.changed").order_by("pk"))


def test_the_first_answer_makes_the_actor_its_version(place: Workflow) -> None:
    answers(model="gpt-x-2026-06")

    attempt = asked(place)

    reader = Actor.objects.get(name="reader")
    assert attempt.actor == reader
    assert reader.definition
    assert reader.definition["model"] == "gpt-x-2026-06"
    assert reader.definition["schema"]["required"] == ["merchant", "amount"]
    assert reader.definition["prompt"] == "Compare the fields with the receipt."
    assert reader.digest == digest(reader.definition)
    assert (Debut.objects.get().before, changed()) == (None, [])


def test_a_model_that_was_not_seen_is_a_new_version_and_is_told(place: Workflow) -> None:
    answers(model="gpt-x-2026-06")
    old = asked(place)
    answers(model="gpt-x-2026-11")

    new, again = asked(place), asked(place)

    assert new.actor == again.actor != old.actor
    assert (new.actor.name, new.actor.base) == ("reader", old.actor)
    assert new.actor.revision == new.actor.digest[:12]
    assert new.actor.connection == old.actor.connection
    assert Routing.objects.get(attempt=new).facts["agent"] == f"reader@{new.actor.revision}"
    (event,) = changed()
    assert event.stream == f"workflow:{place.pk}"
    assert (event.refs["agent"], event.refs["before"]) == (new.actor_id, old.actor_id)
    assert event.payload == {"step": "read", "digest": new.actor.digest}
    assert first_break(Workflow.objects.get(pk=place.pk)) is None


def test_the_version_that_was_there_before_is_known_again(place: Workflow) -> None:
    answers(model="a")
    first = asked(place)
    answers(model="b")
    asked(place)
    answers(model="a")

    assert asked(place).actor == first.actor
    assert len(changed()) == 1


@pytest.mark.parametrize(
    ("old", "new", "member"),
    [
        ("Compare the fields with the receipt.", "Read every line.", "prompt"),
        ("minLength: 1", "minLength: 2", "schema"),
        ("    actor: reader", "    actor: reader\n    call: {prompt: Read it}", "prompt"),
        ("    actor: reader", "    actor: reader\n    call: {top: 3}", "call"),
    ],
)
def test_what_a_published_version_asks_is_part_of_it(
    place: Workflow, old: str, new: str, member: str
) -> None:
    answers(model="a")
    before = asked(place)
    assert old in world.EXPENSES
    engine.publish(import_draft(world.EXPENSES.replace(old, new)), actor=world.actor("alice"))

    after = asked(Workflow.objects.get(pk=place.pk))

    assert after.actor.base == before.actor
    assert versions.changes(before.actor.definition, after.actor.definition) == [member]
    assert len(changed()) == 1


def test_settings_count_unless_they_leave_answers_as_they_are(place: Workflow) -> None:
    answers(model="a")
    first = asked(place)
    answers(model="a", delay=0.01, fail_first=0)
    assert asked(place).actor == first.actor

    answers(model="a", field_confidence={"/amount": 0.3})
    assert asked(place).actor != first.actor


def test_a_version_published_without_a_change_of_the_agent_is_the_same(place: Workflow) -> None:
    answers(model="a")
    first = asked(place)
    text = world.EXPENSES.replace("value: 100}", "value: 50}")
    engine.publish(import_draft(text), actor=world.actor("alice"))

    assert asked(Workflow.objects.get(pk=place.pk)).actor == first.actor
    assert changed() == []


def test_outputs_that_come_along_are_told_apart_too(place: Workflow) -> None:
    first = Attempt.objects.get(task=world.in_review(place, model="a"))
    second = Attempt.objects.get(task=world.in_review(place, model="b"))

    assert first.actor == Actor.objects.get(name="reader", revision="1")
    assert second.actor.base == first.actor
    assert len(changed()) == 1


def test_a_batch_tells_them_apart(place: Workflow) -> None:
    cases = [
        {"key": f"k{number}", "data": {"text": "x"}, "output": {"value": LUNCH, "model": model}}
        for number, model in enumerate("abba")
    ]

    engine.start_cases(place, actor=world.actor("alice"), cases=cases)
    engine.work_until_idle()

    keys: dict[int, list[str]] = {}
    for who, key in Attempt.objects.values_list("actor", "task__case__key"):
        keys.setdefault(who, []).append(key)
    assert sorted(map(sorted, keys.values())) == [["k0", "k3"], ["k1", "k2"]]
    facts = Routing.objects.get(task__case__key="k1").facts
    assert facts["agent"] == str(Attempt.objects.get(task__case__key="k1").actor)


def handed_in(case: Case, model: str) -> Task:
    """The task of a case, after a worker has handed in what a model of this name answered."""
    work = engine.claim_work()
    assert work
    engine.submit_output(work, Result(output=LUNCH, confidence=0.5, model=model))
    return case.tasks.get()


def test_ever_new_names_of_models_end_with_people(
    place: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MOST_MODELS", 2)
    for model in "aba":
        handed_in(world.started(place), model)

    case = world.started(place)
    task = handed_in(case, "c")

    incident = Incident.objects.get(state="open", task=task)
    assert incident.kind == "models"
    assert "answered under 2 names" in incident.detail["message"]
    assert Attempt.objects.filter(task=task, error__kind="models").count() == 1
    assert (Debut.objects.count(), Actor.objects.filter(name="reader").count()) == (2, 2)
    assert engine.orphans() == []
    # What is known goes on, and so does the case once the agent names itself rightly.
    engine.retry(incident.pk, actor=world.actor("dora"))
    assert handed_in(case, "b").state == "in_review"
    # Asked another way it is another agent.
    text = world.EXPENSES.replace("Compare the fields", "Compare all fields")
    engine.publish(import_draft(text), actor=world.actor("alice"))
    later = world.started(Workflow.objects.get(pk=place.pk))
    assert handed_in(later, "d").state == "in_review"


def test_outputs_that_come_along_under_ever_new_names_are_refused_by_themselves(
    place: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "MOST_MODELS", 2)
    cases = [
        {"key": f"k{number}", "data": {"text": "x"}, "output": {"value": LUNCH, "model": model}}
        for number, model in enumerate("abcbd")
    ]

    outcomes = engine.start_cases(place, actor=world.actor("alice"), cases=cases)

    assert [row.status for row in outcomes] == [
        "created",
        "created",
        "invalid",
        "created",
        "invalid",
    ]
    assert outcomes[2].problems[0]["path"] == "/output/model"
    with pytest.raises(Invalid):
        world.started(place, LUNCH, model="e")
    assert Debut.objects.count() == 2


def test_two_workflows_share_a_version_and_each_owner_is_told(place: Workflow) -> None:
    other = world.workflow(world.EXPENSES.replace("workflow: expenses", "workflow: travel"))
    answers(model="a")
    asked(place), asked(other)
    answers(model="b")

    assert asked(place).actor == asked(other).actor
    assert {event.stream for event in changed()} == {
        f"workflow:{place.pk}",
        f"workflow:{other.pk}",
    }


def test_the_step_goes_on_naming_the_configured_actor(place: Workflow) -> None:
    answers(model="a")
    asked(place)
    answers(model="b")
    asked(place)

    step = place.versions.get().steps.get(key="read")
    assert str(step.actor) == "reader@1"


@pytest.mark.django_db(transaction=True)
def test_a_known_version_costs_no_statement(place: Workflow) -> None:
    answers(model="a")
    asked(place)

    with CaptureQueriesContext(connection) as seen:
        asked(place)

    asking = [row["sql"] for row in seen if "orchestrator_debut" in row["sql"]]
    changing = [row["sql"] for row in seen if 'UPDATE "orchestrator_actor"' in row["sql"]]
    assert (asking, changing) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_who_meets_a_version_at_the_same_moment_agrees_on_it(place: Workflow) -> None:
    actor, dora = world.actor("alice"), world.actor("dora")

    def starting(key: str) -> Callable[[], object]:
        output = {"value": LUNCH, "confidence": 0.99, "model": key[0]}
        return lambda: engine.start_case(
            place, actor=actor, key=key, data={"text": "x"}, output=output
        )

    at_once(
        *(starting(f"{model}{number}") for number in range(6) for model in "ab"),
        lambda: engine.halt(place, actor=dora, reason="meanwhile"),
    )

    versions_of = set(Attempt.objects.values_list("model", "actor"))
    assert Case.objects.count() == 12
    assert len(versions_of) == Debut.objects.count() == Actor.objects.filter(kind="agent").count()
    assert len(changed()) == 1
    assert first_break(Workflow.objects.get(pk=place.pk)) is None


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_not_known(place: Workflow) -> None:
    actor, data = world.actor("alice"), {"text": "x"}
    output = {"value": LUNCH, "model": "a"}
    with transaction.atomic():
        engine.start_case(place, actor=actor, key="k", data=data, output=output)
        transaction.set_rollback(True)

    engine.start_case(place, actor=actor, key="k", data=data, output=output)

    assert Case.objects.count() == Debut.objects.count() == 1


def test_the_database_keeps_what_a_version_is(place: Workflow) -> None:
    answers(model="a")
    actor = asked(place).actor

    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        Actor.objects.filter(pk=actor.pk).update(definition={})
