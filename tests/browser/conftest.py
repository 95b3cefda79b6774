"""A demo in which people have worked for a while, for the tests that look at every page."""

from __future__ import annotations

import pytest

from integrations.demo import loading
from integrations.demo.management.commands.demo import publish
from integrations.demo.refunds import STORE
from integrations.demo.welcome import picks
from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Task, Workflow
from tests import world
from tests.integrations.demo.conftest import (  # noqa: F401
    installed,
    ledger_url,
    refunds,
    trained,
)
from tests.review.feedback import settle_now

DIGITS = 12


@pytest.fixture
def lively(transactional_db: None, refunds: Workflow) -> Workflow:  # noqa: F811
    """Refunds and digits: some decided, one claimed, one that failed, one that leads look at."""
    publish("digits")
    loading.load(DIGITS, ("digits",))
    while engine.work_until_idle():
        pass
    tasks = picks.five(refunds, world.actor("bea"), wanted=5, wrong=True)
    for task in tasks[1:]:
        decide(task)
    both = picks.nobody_yet(refunds).latest("pk")
    world.decided(both, "ben", "approved")
    settle_now()
    while engine.work_until_idle():
        pass
    world.claimed(tasks[0], "bea")
    asked = Task.objects.filter(case__workflow=refunds, step__key="read", state="in_review")
    fail(asked.filter(decisions=None).exclude(pk=tasks[0].pk).latest("pk"))
    engine.fold_counters()
    return refunds


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


def fail(task: Task) -> None:
    with acting(task.case_id) as act:
        open_incident(act, locked_task(act, task.pk), "unreachable", "The ledger does not answer.")
