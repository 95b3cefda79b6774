from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orchestrator import engine
from orchestrator.models import Seat, Workflow
from review import listing
from tests import world
from tests.review.conftest import SignIn
from tests.review.paper import Page

FLIGHT = world.FLIGHT | {"amount": 900}


def keys(page: Page) -> list[str]:
    """The case keys that the queue lists, in its order."""
    return re.findall(r'<span class="key truncate">([^<]+)</span>', page.content.decode())


def test_bea_sees_what_waits_for_her(bea: Client, expenses: Workflow) -> None:
    world.in_review(expenses, key="lunch", confidence=0.5)

    page = bea.get("/review/")

    assert keys(page) == ["lunch"]
    assert "Read the receipt" in page.content.decode()
    assert "0.50" in page.content.decode()


def test_a_task_for_two_people_waits_once_for_each(
    bea: Client, ben: Client, expenses: Workflow
) -> None:
    task = world.in_review(expenses, world.FLIGHT, key="big")
    assert bea.get("/review/").content.decode().count(f"/review/tasks/{task.pk}/") == 1

    world.claimed(task, "ben")

    assert bea.get("/review/").content.decode().count(f"/review/tasks/{task.pk}/") == 1
    assert "1 task waits" in bea.get("/").content.decode()


def test_carl_of_another_team_sees_nothing(client_of: SignIn, expenses: Workflow) -> None:
    world.in_review(expenses, key="lunch")

    page = client_of("carl").get("/review/")

    assert keys(page) == []
    assert "All done" in page.content.decode()


def test_a_lead_sees_only_what_was_escalated(client_of: SignIn, expenses: Workflow) -> None:
    world.in_review(expenses, key="lunch")
    task = world.in_review(expenses, key="flight")
    world.decided(task, "bea", "escalated", comment="Too odd.")

    assert keys(client_of("lea").get("/review/")) == ["flight"]


def test_the_queue_has_three_orders(bea: Client, expenses: Workflow) -> None:
    world.in_review(expenses, key="first", confidence=0.7)
    world.in_review(expenses, key="unknown", confidence=None)
    world.in_review(expenses, key="last", confidence=0.4)
    Seat.objects.filter(task__case__key="last").update(due_at=timezone.now())

    assert keys(bea.get("/review/")) == ["last", "first", "unknown"]
    assert keys(bea.get("/review/?order=confidence")) == ["unknown", "last", "first"]
    assert keys(bea.get("/review/?order=created")) == ["first", "unknown", "last"]
    assert keys(bea.get("/review/?order=task__case__data")) == ["last", "first", "unknown"]


@pytest.mark.parametrize("order", ["due", "confidence", "created"])
def test_pages_follow_each_other_without_gap(
    bea: Client, expenses: Workflow, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(listing, "SIZE", 2)
    wanted = {world.in_review(expenses, confidence=0.5).case.key for _ in range(5)}

    seen: list[str] = []
    url = f"/review/?order={order}"
    while url:
        page = bea.get(url)
        seen += keys(page)
        url = page.context["page"]["next_url"]

    assert len(seen) == 5
    assert set(seen) == wanted


@pytest.mark.parametrize("after", ["x", "WzEsMl0", "bnVsbA", "WyJub3ciLDFd", "%00", "W10"])
def test_a_cursor_of_no_page_is_the_first_page(bea: Client, expenses: Workflow, after: str) -> None:
    world.in_review(expenses, key="lunch")

    page = bea.get(f"/review/?after={after}")

    assert page.status_code == 200
    assert keys(page) == ["lunch"]


def test_filters_narrow_and_stay_in_the_address_of_the_next_page(
    bea: Client, expenses: Workflow
) -> None:
    other = world.workflow(
        **{"workflow: expenses": "workflow: trips", "name: Expenses": "name: Trips"}
    )
    world.in_review(expenses, key="lunch")
    world.in_review(other, key="flight")

    page = bea.get("/review/?workflow=trips&step=read")

    assert keys(page) == ["flight"]
    assert "/review/next/?workflow=trips&amp;step=read" in page.content.decode()
    assert keys(bea.get("/review/?workflow=nowhere")) == []
    assert "No open task fits" in bea.get("/review/?workflow=nowhere").content.decode()


def test_who_holds_a_task_is_told(bea: Client, ben: Client, expenses: Workflow) -> None:
    world.claimed(world.in_review(expenses), "bea")

    assert "Yours" in bea.get("/review/").content.decode()
    assert "Bea" in ben.get("/review/").content.decode()


def test_what_is_late_is_said_so(bea: Client, expenses: Workflow) -> None:
    world.in_review(expenses)
    Seat.objects.update(due_at=timezone.now() - timedelta(hours=2))

    assert "2 h</time> late" in bea.get("/review/").content.decode()


def test_the_cost_of_the_queue_does_not_grow(
    bea: Client, expenses: Workflow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(3):
        world.in_review(expenses)
    bea.get("/review/")

    with django_assert_max_num_queries(16) as captured:
        bea.get("/review/?workflow=expenses")

    statements = [query["sql"].lstrip().upper() for query in captured.captured_queries]
    assert not [sql for sql in statements if sql.startswith("SELECT COUNT")]


def test_next_claims_and_goes_there(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)

    answer = bea.post("/review/next/?order=created")

    assert answer.headers["Location"] == f"/review/tasks/{task.pk}/?order=created"
    assert Seat.objects.get().claimed_by == world.actor("bea")


def test_next_leads_back_to_a_task_one_holds(bea: Client, expenses: Workflow) -> None:
    world.in_review(expenses)
    held = world.in_review(expenses)
    world.claimed(held, "bea")

    assert bea.get("/review/next/").headers["Location"] == f"/review/tasks/{held.pk}/"
    assert Seat.objects.filter(claimed_by__isnull=False).count() == 1


def test_next_takes_no_character_that_no_database_takes(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses)

    answer = bea.get("/review/next/?workflow=expen%00ses&step=%00")

    assert answer.headers["Location"] == f"/review/tasks/{task.pk}/?workflow=expenses"


def test_next_leads_to_the_queue_when_nothing_waits(bea: Client, expenses: Workflow) -> None:
    assert bea.post("/review/next/").headers["Location"] == "/review/"


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_SEC_PURPOSE": "prefetch"},
        {"HTTP_SEC_PURPOSE": "prefetch;prerender"},
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
    ],
)
def test_what_nobody_clicked_claims_nothing(
    bea: Client, expenses: Workflow, headers: dict[str, str]
) -> None:
    world.in_review(expenses)

    answer = bea.get("/review/next/", **headers)  # type: ignore[arg-type]

    assert answer.status_code in {302, 403}
    assert Seat.objects.get().claimed_by is None


def test_a_stranger_is_asked_to_sign_in(client: Client, db: None) -> None:
    assert "/accounts/login/" in client.get("/review/").headers["Location"]


def test_what_was_decided_waits_no_more(bea: Client, expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "ben", "approved")
    engine.settle_due()

    assert keys(bea.get("/review/")) == []
