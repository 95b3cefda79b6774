"""The page of a case whose steps branch, wait, call, undo: what is open and what came of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orchestrator import engine
from orchestrator.models import Case, Inbound, Timer
from tests import world
from tests.orchestrator.flows import answered, asked, begun, definition, published, step, task_of
from tests.orchestrator.test_flow_paper import FILE
from tests.orchestrator.test_flow_waiting import CHILD, calling, paid, undone

pytestmark = pytest.mark.django_db

LINES = [{"name": "tea"}, {"name": "cup"}, {"name": "pot"}]


def signed_in(name: str = "alice") -> Client:
    client = Client()
    client.force_login(world.person(name))
    return client


def plain(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def shown(case: Case, name: str = "alice", **query: Any) -> str:
    page = signed_in(name).get(reverse("case", args=[case.pk]), query)
    assert page.status_code == 200
    return plain(page.content.decode())


def orders(lines: Any = LINES) -> Case:
    return begun(published(FILE), {"country": "DE", "lines": lines})


def test_open_tasks_stand_in_their_branches_in_order() -> None:
    told = shown(orders())

    third = "Prepare · branch 1 of 2 › Pick each line · item 3 of 3 Pick the line In review"
    assert third in told
    items = [told.index(f"item {number} of 3") for number in (1, 2, 3)]
    assert told.index("Prepared Waiting") < told.index("All picked Waiting") < items[0]
    assert items == sorted(items)
    assert items[2] < told.index("Prepare · branch 2 of 2 Payment Waiting")


def test_waiting_tasks_say_for_what_and_until_when() -> None:
    case = orders()
    Timer.objects.update(due_at=datetime(2031, 11, 26, 14, tzinfo=UTC))

    told = shown(case)

    assert "It waits for the signal paid, at most until 2031-11-26 14:00 ." in told
    assert "It waits for 3 of 3 branches: 0 there." in told
    assert "It waits for 2 of 2 branches: 0 there." in told


def test_a_timer_says_when_it_is_over() -> None:
    text = definition([step("rest", "timer", flow={"after": "3d"})], "rest done")
    case = begun(published(text))
    Timer.objects.update(due_at=datetime(2031, 11, 26, 14, tzinfo=UTC))

    assert "It waits until 2031-11-26 14:00 ." in shown(case)


def test_a_called_case_and_its_caller_lead_to_each_other() -> None:
    published(CHILD)
    case = begun(published(calling()), {"name": "x"})
    child = Case.objects.get(workflow__slug="child")
    client = signed_in()

    caller = client.get(reverse("case", args=[case.pk])).content.decode()
    called = client.get(reverse("case", args=[child.pk])).content.decode()

    assert "It waits for a case of Child:" in plain(caller)
    assert f'href="{reverse("case", args=[child.pk])}"' in caller
    assert "Called by “Call” of Flow: c-1" in plain(called)
    assert f'href="{reverse("case", args=[case.pk])}"' in called


def test_who_does_not_see_the_called_workflow_gets_no_way_there() -> None:
    published(CHILD.replace('"groups": ["Finance"]', '"groups": ["Another team"]'))
    case = begun(published(calling()), {"name": "x"})
    child = Case.objects.get(workflow__slug="child")
    assert child.workflow.groups.get().name == "Another team"

    page = signed_in("bea").get(reverse("case", args=[case.pk])).content.decode()

    assert "It waits for a case of child." in plain(page)
    assert reverse("case", args=[child.pk]) not in page
    assert child.key not in plain(page).replace(case.key, "", 1)


def test_who_does_not_see_the_calling_workflow_is_not_led_there() -> None:
    published(CHILD)
    text = calling().replace('"groups": ["Finance"]', '"groups": ["Another team"]')
    case = begun(published(text), {"name": "x"})
    child = Case.objects.get(workflow__slug="child")

    page = signed_in("bea").get(reverse("case", args=[child.pk]))

    assert page.status_code == 200
    assert reverse("case", args=[case.pk]) not in page.content.decode()
    assert "Called by" not in plain(page.content.decode())


def test_what_undoes_a_step_says_so() -> None:
    case = begun(published(undone()))
    answered(case, "book", "a room")
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    told = shown(case)

    assert "It undoes “Book”." in told.split("Facts")[0].split("Now")[-1]
    assert "“Unbook” is next It undoes “Book”." in told


def test_news_say_who_brought_them_and_what_they_changed() -> None:
    case = begun(published(paid()), {"address": "Paris"})
    engine.signal(
        case.pk, actor=world.actor("alice"), name="address", message_id="m-1", data={"now": "Rome"}
    )

    told = shown(case)

    assert 'Alice brought the signal “address” address: "Rome", was "Paris"' in told
    assert "address brought by the signal “address”" in told.split("Case file")[1]
    Inbound.objects.all().delete()
    assert "Alice brought the signal “address”" in shown(case)


def test_what_branches_wrote_names_the_step_and_its_branch() -> None:
    case = orders(LINES[:1])
    world.decided(task_of(case, "line"), "bea", "responded", output={"shelf": "a"}, final=True)
    engine.signal(
        case.pk, actor=world.actor("alice"), name="paid", message_id="m-1", data={"amount": 9}
    )

    told = shown(case)

    assert "The branches have come together at “Prepared” 2 of 2 branches came." in told
    file = told.split("Case file")[1]
    assert "payment brought by the signal “paid” at “Payment, branch 2”" in file
    assert "picked put together from 1 branches at “All picked, branch 1”" in file


def test_a_join_says_which_branches_were_called_off() -> None:
    text = definition(
        [
            step("each", "for_each", flow={
                "items": "/lines", "join": "all", "collect": "/said", "complete_when": 1}),
            asked("look"),
            step("all", "join"),
            asked("last"),
        ],
        "each look",
        "look all",
        "all last",
        "last done",
        data={"type": "object", "properties": {"lines": {"type": "array"}}},
    )  # fmt: skip
    case = begun(published(text), {"lines": LINES})
    answered(case, "look")

    assert "1 of 3 branches came; called off: item 2 and item 3." in shown(case)


def test_a_decision_table_says_which_row_and_why_clause_by_clause() -> None:
    rows = [
        {"when": {"fact": "case/sum", "op": "gt", "value": 100}, "output": "high"},
        {"when": {"fact": "case/sum", "op": "le", "value": 100}, "output": "low"},
    ]
    text = definition(
        [step("rank", "decision", schema={"type": "string"}, flow={"rows": rows})],
        "rank done",
        data={"type": "object", "properties": {"sum": {"type": "number"}}},
    )
    case = begun(published(text), {"sum": 7})

    told = shown(case)

    assert "Row 2 holds: case sum 7 is at most 100." in told
    assert "Row 1 false: case sum 7 is at most 100 Row 2 true: case sum 7 is" in told


def test_a_table_of_which_no_row_holds_says_why_not() -> None:
    rows = [{"when": {"fact": "case/sum", "op": "gt", "value": 100}, "output": "high"}]
    text = definition(
        [step("rank", "decision", schema={"type": "string"}, flow={"rows": rows})],
        "rank done",
        data={"type": "object", "properties": {"sum": {"type": "number"}}},
    )

    told = shown(begun(published(text), {"sum": 7}))

    assert "No row of Rank holds. Why no row held Row 1 false: case sum 7 is at most 100" in told


def test_the_queue_tells_items_apart() -> None:
    case = orders()
    client = signed_in("bea")

    queue = plain(client.get("/review/").content.decode())
    task = case.tasks.filter(step_key="line").order_by("id")[1]
    page = plain(client.get(reverse("review:task", args=[task.pk])).content.decode())

    assert "Pick the line, item 1" in queue
    assert "Pick the line, item 3" in queue
    assert "c-1 Pick the line, item 2" in page


def test_a_case_of_five_hundred_items_is_shown_page_by_page() -> None:
    text = definition(
        [
            step("each", "for_each", flow={
                "items": "/lines", "join": "all", "collect": "/said", "at_once": 100}),
            asked("look"),
            step("all", "join"),
        ],
        "each look",
        "look all",
        "all done",
        data={"type": "object", "properties": {"lines": {"type": "array"}}},
    )  # fmt: skip
    case = begun(published(text), {"lines": [{"id": n} for n in range(500)]})
    client, url = signed_in(), reverse("case", args=[case.pk])
    client.get(url)

    with CaptureQueriesContext(connection) as seen:
        first = client.get(url)

    assert len(seen) < 60
    assert sum(len(group.tasks) for group in first.context["now"].groups) == 50
    assert "item 49 of 500" in plain(first.content.decode())
    second = client.get(first.context["now"].next_url)
    assert "item 50 of 500" in plain(second.content.decode())
    assert "item 49 of 500" not in plain(second.content.decode())
