"""The stop switch: nothing more is approved automatically once it is acknowledged."""

from __future__ import annotations

import threading

import pytest
from django.db import connection, transaction

from orchestrator import engine
from orchestrator.exceptions import Invalid, NotAllowed
from orchestrator.models import Attempt, Decision, Event, Incident, Routing, Workflow
from tests import world
from tests.world import LUNCH


@pytest.mark.django_db
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_stop_sends_sure_outputs_to_people(everywhere: bool) -> None:
    place = world.workflow()
    engine.halt(None if everywhere else place, actor=world.actor("dora"), reason="Odd results.")

    world.in_review(place, LUNCH, confidence=0.99)

    assert Routing.objects.get().reason == "automatic approval is stopped"
    assert Decision.objects.count() == 0
    assert engine.halted(place) is not None


@pytest.mark.django_db
def test_after_it_is_let_go_the_rules_approve_again() -> None:
    place = world.workflow()
    engine.halt(place, actor=world.actor("lea"), reason="Odd results.")
    engine.resume(place, actor=world.actor("lea"))

    assert world.started(place, LUNCH, confidence=0.99).state == "completed"
    types = Event.objects.filter(stream=f"workflow:{place.pk}").order_by("seq")
    assert [event.type for event in types][-2:] == ["workflow.halted", "workflow.resumed"]


@pytest.mark.django_db
def test_only_who_may_stops_and_says_why() -> None:
    place = world.workflow()

    with pytest.raises(NotAllowed):
        engine.halt(place, actor=world.actor("bea"), reason="I want to.")
    with pytest.raises(Invalid):
        engine.halt(place, actor=world.actor("lea"), reason="")
    assert engine.halted(place) is None


@pytest.mark.django_db
def test_another_workflow_goes_on() -> None:
    place = world.workflow()
    other = world.workflow(world.EXPENSES.replace("workflow: expenses", "workflow: other"))
    engine.halt(other, actor=world.actor("lea"), reason="Odd results.")

    assert world.started(place, LUNCH, confidence=0.99).state == "completed"


COPYING = """
workflow: copies
name: Copies
owner: alice
groups: [Finance]
connections:
  copier: {kind: fake, settings: {output: {number: 7}}}
actors:
  copier: {kind: automation, revision: "1", connection: copier}
accountable: alice
steps:
  - key: copy
    name: Copy it
    kind: automation
    actor: copier
    schema: {type: object}
    rights: [{name: It stands, mode: auto}]
  - {key: done, name: Done, kind: end}
transitions:
  - {from: copy, to: done}
"""


@pytest.mark.django_db
def test_what_a_stop_held_up_goes_on_when_it_is_tried_again() -> None:
    place, lea = world.workflow(COPYING), world.actor("lea")
    engine.halt(place, actor=lea, reason="Odd results.")
    case = world.started(place)
    engine.work_until_idle()
    held = Incident.objects.get()

    engine.retry(held.pk, actor=lea)
    still = Incident.objects.get(state="open")
    engine.resume(place, actor=lea)
    engine.retry(still.pk, actor=lea)

    case.refresh_from_db()
    assert "automatic approval is stopped" in still.detail["message"]
    assert (case.state, case.data["copy"]) == ("completed", {"number": 7})
    assert Decision.objects.get().via == "rule:1/1"
    assert Attempt.objects.count() == 1


def stopping(place: Workflow) -> tuple[threading.Thread, threading.Event]:
    """Somebody stops the workflow from another connection; the event is set when it is done."""
    lea = world.actor("lea")
    stopped = threading.Event()

    def stop() -> None:
        engine.halt(Workflow.objects.get(pk=place.pk), actor=lea, reason="Odd results.")
        stopped.set()
        connection.close()

    thread = threading.Thread(target=stop)
    thread.start()
    return thread, stopped


@pytest.mark.django_db(transaction=True)
def test_a_stop_does_not_wait_for_cases_that_come_in() -> None:
    """They refer to the workflow's row; each waiting for the other would be a deadlock."""
    place = world.workflow()
    with transaction.atomic():
        world.started(place)
        thread, stopped = stopping(place)
        assert stopped.wait(5)
    thread.join(10)


@pytest.mark.django_db(transaction=True)
def test_a_stop_waits_for_what_is_being_approved_and_then_holds() -> None:
    """An approval under way holds the stop up; after the acknowledgement none can follow."""
    place = world.workflow()
    with transaction.atomic():
        assert world.started(place, LUNCH, confidence=0.99).state == "completed"
        thread, stopped = stopping(place)
        assert not stopped.wait(0.5)
    thread.join(10)

    assert stopped.is_set()
    assert world.started(place, LUNCH, confidence=0.99).state == "open"
