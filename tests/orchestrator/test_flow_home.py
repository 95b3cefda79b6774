"""Who is responsible sees what waits; and what leads the flow distorts no figure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from django.utils import timezone

from orchestrator import engine, insights
from orchestrator.insights import PERIODS
from orchestrator.models import Timer, Workflow
from tests import world
from tests.orchestrator.flows import begun, definition, published, step, task_of
from tests.orchestrator.test_flow_paper import FILE
from tests.orchestrator.test_flow_waiting import CHILD, calling

pytestmark = pytest.mark.django_db


def page(name: str, address: str = "/") -> Any:
    client = Client()
    client.force_login(world.person(name))
    return client.get(address)


def part(name: str, role: str) -> Any:
    sections = page(name).context["sections"]
    return next(section.data for section in sections if section.role == role)


def text(name: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page(name).content.decode()).split())


@pytest.fixture
def orders() -> Workflow:
    return published(FILE)


def test_the_owner_sees_what_waits_by_step_with_the_oldest_and_what_is_late(
    orders: Workflow,
) -> None:
    for key in ("a", "b"):
        begun(orders, {"country": "DE", "lines": []}, key=key)
    late = task_of(orders.cases.get(key="a"), "payment")
    Timer.objects.filter(task=late).update(due_at=timezone.now() - timedelta(hours=1))

    (row,) = part("alice", "owner")["parked"]

    assert (row.step, row.count, row.late) == ("Payment", 2, 1)
    assert row.since == late.created_at
    assert "2 Payment Orders 1 late, oldest" in text("alice")
    assert [one["key"] for one in page("alice", row.url).context["rows"]] == ["b", "a"]


def test_a_called_case_is_waited_for_in_the_calling_workflow() -> None:
    published(CHILD)
    begun(published(calling()), {"name": "x"})

    rows = part("alice", "owner")["parked"]

    assert [(row.workflow, row.step, row.count) for row in rows] == [("Flow", "Call", 1)]


def test_the_lead_sees_signals_that_are_due_within_a_day(orders: Workflow) -> None:
    case = begun(orders, {"country": "DE", "lines": []})
    assert part("lea", "lead")["deadlines"] == []

    Timer.objects.update(due_at=F("due_at") - timedelta(days=13, hours=12))

    (row,) = part("lea", "lead")["deadlines"]
    assert (row.case_key, row.signal, row.late) == (case.key, "paid", False)
    assert "c-1 Payment paid due in 11 h" in text("lea")


def test_steps_that_lead_the_flow_count_as_no_try_and_no_decision() -> None:
    rows = [{"output": "low"}]
    table = definition(
        [
            step("rank", "decision", schema={"type": "string"}, flow={"rows": rows}),
            step("rest", "timer", flow={"after": "1d"}),
        ],
        "rank rest",
        "rest done",
    )
    place = published(table)
    begun(place)
    Timer.objects.update(due_at=F("due_at") - timedelta(days=2))
    engine.fire_timers()

    while engine.fold_counters():
        continue

    whole = insights.added(insights.slices(place.pk, "*", PERIODS["24h"], timezone.now()))
    figures = insights.figures(whole)
    assert (figures.started, figures.completed) == (1, 1)
    assert (figures.tries, figures.failed, figures.asked) == (0, 0, 0)
    assert figures.automation.whole == 0
    found = insights.selected(place.cases.all(), insights.Selection("tried", None, None, (), ""))
    assert not found.exists()
