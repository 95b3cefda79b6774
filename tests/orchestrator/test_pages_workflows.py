"""Workflows as their readers see them: sentences, versions, drafts, and the stop switch."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import engine
from orchestrator.definitions import import_draft
from orchestrator.models import Case, Seat, Task, Workflow
from orchestrator.under_way import MOST, under_way
from tests.world import (
    EXPENSES,
    FLIGHT,
    LUNCH,
    actor,
    decided,
    in_review,
    person,
    started,
    workflow,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def expenses() -> Workflow:
    return workflow()


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def page_of(name: str, **query: Any) -> Any:
    return signed_in(name).get(reverse("workflow", args=["expenses"]), query)


def test_each_team_lists_its_own_workflows(expenses: Workflow) -> None:
    bea, carl = (signed_in(name).get("/workflows/") for name in ("bea", "carl"))

    assert [row["name"] for row in bea.context["rows"]] == ["Expenses"]
    assert carl.context["rows"] == []
    assert "None that your groups may see." in carl.content.decode()


def test_the_built_in_workflow_is_no_page(expenses: Workflow) -> None:
    engine.halt(None, actor=actor("dora"), reason="A test.")

    page = signed_in("dora").get("/workflows/")

    assert [row["name"] for row in page.context["rows"]] == ["Expenses"]
    assert signed_in("dora").get("/workflows/changes/").status_code == 404


def test_the_rules_are_sentences(expenses: Workflow) -> None:
    page = page_of("bea").content.decode()

    for part in (
        "<strong>Much money</strong> if amount is above 1000",
        "Two of Expense reviewers may approve, correct, reject or escalate within 1 d,",
        "<strong>Small and sure</strong> if confidence is at least 0.90 and amount is at most 100",
        "<strong>Everything else</strong> whatever comes",
        "Expense reviewers may approve, correct, reject or escalate within 4 h",
        "agent reader@1",
        "the case ends: booked",
        "Refused</a> if decision is &quot;rejected&quot;",
        "Booked</a> otherwise",
        "<dt>Accountable</dt><dd>Alice</dd>",
        "<dt>Seen by</dt><dd>Finance</dd>",
    ):
        assert part in page


def test_an_older_version_can_be_read(expenses: Workflow) -> None:
    newer = import_draft(EXPENSES.replace("value: 1000", "value: 2000"))
    engine.publish(newer, actor=actor("alice"))

    now, before = page_of("bea"), page_of("bea", version=1)

    assert "amount is above 2000" in now.content.decode()
    assert "amount is above 1000" in before.content.decode()
    assert [row["state"] for row in now.context["versions"]] == ["published", "superseded"]
    assert before.context["shown"]["state"] == "superseded"


@pytest.mark.parametrize("version", ["7", "0", "x", "99999999999999999999"])
def test_a_version_that_is_none_is_not_there(expenses: Workflow, version: str) -> None:
    assert page_of("bea", version=version).status_code == 404


@pytest.mark.parametrize(
    ("name", "status"), [("alice", 200), ("lea", 200), ("cara", 200), ("bea", 404)]
)
def test_a_draft_is_read_by_who_may(expenses: Workflow, name: str, status: int) -> None:
    import_draft(EXPENSES.replace("value: 1000", "value: 2000"))

    page = page_of(name, version=2)

    assert page.status_code == status
    assert ("amount is above 2000" in page.content.decode()) is (status == 200)


def test_a_workflow_without_a_version_says_so(expenses: Workflow) -> None:
    import_draft(EXPENSES.replace("workflow: expenses", "workflow: new"))

    page = signed_in("bea").get("/workflows/new/").content.decode()

    assert "Not published" in page
    assert "No steps yet" in page


def test_lea_stops_a_workflow_and_everybody_reads_why(expenses: Workflow) -> None:
    answer = signed_in("lea").post(
        reverse("stop_workflow", args=["expenses"]), {"reason": "Wrong currency."}, follow=True
    )
    read_by_bea = page_of("bea").content.decode()

    assert "Let it go on" in answer.content.decode()
    assert "Wrong currency." in read_by_bea
    assert "Let it go on" not in read_by_bea

    signed_in("lea").post(reverse("resume_workflow", args=["expenses"]))
    expenses.refresh_from_db()
    assert expenses.halted_at is None


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [("lea", "  ", 422), ("bea", "I want to.", 403), ("carl", "I want to.", 404)],
)
def test_a_workflow_is_not_stopped(expenses: Workflow, name: str, reason: str, status: int) -> None:
    address = reverse("stop_workflow", args=["expenses"])

    assert signed_in(name).post(address, {"reason": reason}).status_code == status
    expenses.refresh_from_db()
    assert expenses.halted_at is None


def test_the_page_asks_the_same_few_questions_whatever_its_length(
    expenses: Workflow, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        engine.publish(
            import_draft(EXPENSES.replace("value: 1000", f"value: {number}")), actor=actor("alice")
        )
    client = signed_in("bea")

    with django_assert_max_num_queries(24):
        client.get(reverse("workflow", args=["expenses"]))


def test_the_map_has_a_lane_for_each_participant(expenses: Workflow) -> None:
    drawn = page_of("bea").context["map"].drawing

    assert [(band.lane.kind, band.lane.name) for band in drawn.bands] == [
        ("agent", "reader"),
        ("people", "Expense reviewers"),
        ("people", "Expense leads"),
    ]
    assert [(line.way.target, line.label, line.way.dashed) for line in drawn.lines] == [
        ("refused", "rejected", True),
        ("booked", "", False),
    ]


def test_a_number_on_the_map_fits_its_chip(expenses: Workflow) -> None:
    for number in range(12):
        in_review(expenses, key=f"case-{number}")
    page = page_of("bea").content.decode()

    (found,) = re.findall(r'<rect x="12" y="25" width="(\d+)"[^>]*>.*?<text x="33"[^>]*>12<', page)

    # At most 8 px a digit in any of the fonts, beside the icon and its margins.
    assert int(found) >= 21 + 2 * 8 + 6


def test_a_task_before_two_groups_at_once_is_one(expenses: Workflow) -> None:
    decided(in_review(expenses, FLIGHT), "bea", "escalated")

    found = under_way(expenses)

    assert found.states == {"read": {"in_review": 1}}
    assert list(found.waiting.values()) == [1, 1]


def test_the_map_counts_what_is_under_way(expenses: Workflow) -> None:
    for _ in range(2):
        in_review(expenses)
    started(expenses)
    escalated = Seat.objects.filter(task=in_review(expenses))
    escalated.update(group=person("lea").groups.get(name="Expense leads"))

    page = page_of("bea")
    shown = page.context["map"]

    read = next(node for node in shown.nodes if node.at.key == "read")
    assert [(chip.state, chip.count) for chip in read.chips] == [("ready", "1")]
    assert [(desk.text, desk.count) for desk in shown.desks] == [
        ("one or two decide", "2"),
        ("if escalated", "1"),
    ]
    assert "4 open cases." in page.content.decode()
    assert 'href="#step-read" aria-label="Read the receipt: 1 ready"' in page.content.decode()
    assert "Expense reviewers, Read the receipt: one or two decide; 2 waiting" in (
        page.content.decode()
    )


def test_an_old_version_has_a_map_without_numbers(expenses: Workflow) -> None:
    in_review(expenses)
    engine.publish(import_draft(EXPENSES.replace("1000", "2000")), actor=actor("alice"))

    before = page_of("bea", version=1).context["map"]

    assert len(before.nodes) == 3
    assert not any(node.chips for node in before.nodes)


def test_the_map_looks_at_a_thousand_cases_and_says_so(expenses: Workflow) -> None:
    case = started(expenses)
    row = {f.attname: getattr(case, f.attname) for f in case._meta.fields if f.name != "id"}
    Case.objects.bulk_create(Case(**row | {"key": f"more-{n}"}) for n in range(MOST))

    assert page_of("bea").context["map"].cases == "1,000+"


def test_all_ways_between_two_steps_are_one_line() -> None:
    ways = "  - {from: read, to: refused, when: {fact: output/amount, op: gt, value: 9}}\n"
    workflow(
        EXPENSES.replace("  - {from: read, to: booked}", f"{ways}  - {{from: read, to: booked}}")
    )

    lines = page_of("bea").context["map"].drawing.lines

    assert [line.label for line in lines] == ["rejected +1", ""]
    assert lines[0].way.title == (
        'to Refused if decision is "rejected"; to Refused if amount is above 9'
    )


def test_each_step_says_how_it_went_lately(expenses: Workflow) -> None:
    for _ in range(3):
        started(expenses, LUNCH, confidence=0.99)
    task = in_review(expenses)
    Seat.objects.filter(task=task).update(created_at=timezone.now() - timedelta(hours=2))
    decided(task, "bea", "approved", seconds=40)
    Task.objects.filter(state="decided").update(settle_at=timezone.now())
    engine.settle_due()

    assert page_of("bea").context["steps"][0].pace == (
        "Of the last 4 decisions here people made 25%, "
        "half of them within 2 h of being asked, with 40 s of looking."
    )


def test_without_decisions_nothing_is_said_of_the_pace(expenses: Workflow) -> None:
    assert [step.pace for step in page_of("bea").context["steps"]] == ["", "", ""]
