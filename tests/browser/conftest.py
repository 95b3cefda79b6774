"""A demo in which people have worked for a while, for the tests that look at every page."""

from __future__ import annotations

import pytest

from integrations.demo import loading
from integrations.demo.management.commands.demo import publish
from integrations.demo.refunds import STORE
from integrations.demo.welcome import picks
from orchestrator import engine
from orchestrator.definitions import clone_to_draft
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Incident, Task, Workflow
from review import filters
from tests import world
from tests.integrations.demo.conftest import (  # noqa: F401
    installed,
    ledger_url,
    refunds,
    trained,
)
from tests.orchestrator.troubles import done_to_many
from tests.review.feedback import settle_now

DIGITS = 12
SILENT = ("unreachable", "The reader does not answer.")
TOO_LONG = ("permanent", "The reader refused it: the message is too long.")


@pytest.fixture
def lively(transactional_db: None, refunds: Workflow) -> Workflow:  # noqa: F811
    """Refunds and digits: some decided, one claimed, some that failed, one that leads look at,
    digits of a version before; and a filter that bea has saved.
    """
    publish("digits")
    loading.load(DIGITS, ("digits",))
    work()
    again()
    tasks = picks.five(refunds, world.actor("bea"), wanted=5, wrong=True)
    for task in tasks[1:]:
        decide(task)
    both = picks.nobody_yet(refunds).latest("pk")
    world.decided(both, "ben", "approved")
    settle_now()
    work()
    world.claimed(tasks[0], "bea")
    trouble(refunds, tasks[0])
    wanted = {"workflow": "refunds", "sure": "low"}
    filters.keep(world.actor("bea"), "queue", "Doubtful refunds", wanted)
    engine.fold_counters()
    return refunds


def work() -> None:
    while engine.work_until_idle():
        pass


def again() -> None:
    """A second version of the digits, for the cases that come."""
    first = Workflow.objects.get(slug="digits").published_version
    assert first
    engine.publish(clone_to_draft(first), actor=world.actor("alice"))


def trouble(place: Workflow, claimed: Task) -> None:
    """Four refunds that could not be read: one is tried again, one is done with already."""
    asked = Task.objects.filter(case__workflow=place, step__key="read", state="in_review")
    free = asked.filter(decisions=None).exclude(pk=claimed.pk).order_by("-pk")
    one, other, *_rest = [
        fail(task, *why)
        for task, why in zip(free[:4], (SILENT, TOO_LONG, SILENT, TOO_LONG), strict=True)
    ]
    lea = world.actor("lea")
    engine.resolve_many("retry_incidents", [one.pk, other.pk], actor=lea)
    engine.retry(other.pk, actor=lea)
    done_to_many()
    work()


def decide(task: Task) -> None:
    """As bea would: the amount that is due, and for what is right a word."""
    if not picks.is_misread(task):
        world.decided(task, "bea", "approved")
        return
    due = STORE.truth()[task.case.key]["amount"]
    output = {**(task.proposal or {}), "amount": due}
    said = "The customer names another order."
    reasons = {"/amount": task.step.reasons[0]["code"]}
    world.decided(task, "bea", "corrected", output=output, reasons=reasons, comment=said)


def fail(task: Task, kind: str, message: str) -> Incident:
    with acting(task.case_id) as act:
        return open_incident(act, locked_task(act, task.pk), kind, message)
