"""Filters that people keep: private, or shared by who leads; only what a page knows is in them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import strip_tags
from playwright.sync_api import Page
from pytest_django import DjangoAssertNumQueries

from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Seat, Workflow
from review.models import SavedFilter
from tests import world
from tests.review.conftest import SignIn

pytestmark = pytest.mark.django_db

KEEP = "/review/filters/keep/"
LATE = {"page": "queue", "name": "Late ones", "workflow": "expenses", "age": "1h"}
SHOWN = "/review/?workflow=expenses&age=1h"


def change(client: Client, action: str, **said: str) -> Any:
    kept = SavedFilter.objects.get()
    return client.post(f"/review/filters/{kept.pk}/{action}/", said)


def links(client: Client, url: str = "/review/?all=1") -> list[tuple[str, str]]:
    """Name and address of the saved filters that a page offers."""
    page = client.get(url).content.decode()
    bar = page.partition('aria-label="Saved filters"')[2].partition("</nav>")[0]
    found = []
    for part in bar.split("<a ")[1:]:
        href = part.partition('href="')[2].partition('"')[0].replace("&amp;", "&")
        shown = part.partition(">")[2].rpartition("</a>")[0]
        found.append((strip_tags(shown).strip(), href))
    return found


@pytest.mark.parametrize(
    ("page", "said", "address"),
    [
        (
            "queue",
            {"workflow": "expenses", "age": "1h", "sure": "low"},
            "/review/?workflow=expenses&age=1h&sure=low",
        ),
        ("queue", {"q": "A & b", "order": "created"}, "/review/?order=created&q=A+%26+b"),
        (
            "cases",
            {"state": "open", "what": "asked", "band": "3"},
            "/cases/?state=open&what=asked&band=3",
        ),
        ("cases", {"agent": "7"}, "/cases/?agent=7"),
        ("incidents", {"age": "1d", "q": "R-"}, "/incidents/?q=R-&age=1d"),
    ],
)
def test_each_page_keeps_its_own(
    bea: Client, page: str, said: dict[str, str], address: str
) -> None:
    more = {"after": "x", "before": "9", "evil": "1", "all": "1", "csrfmiddlewaretoken": "t"}
    answer = bea.post(KEEP, {"page": page, "name": "  My   filter ", **said, **more})

    assert answer.headers["Location"] == address
    assert SavedFilter.objects.get().query == said
    assert links(bea, address) == [("My filter", address)]
    assert bea.get(address).status_code == 200


def test_the_same_name_says_something_else_from_now_on(bea: Client) -> None:
    bea.post(KEEP, LATE)
    bea.post(KEEP, LATE | {"age": "3d"})

    assert [name for name, _url in links(bea)] == ["Late ones"]
    assert SavedFilter.objects.get().query["age"] == "3d"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"name": " \x00 "}, "Give it a name."),
        ({"workflow": "", "age": ""}, "Choose something first"),
    ],
)
def test_what_is_no_filter_is_refused(bea: Client, said: dict[str, str], problem: str) -> None:
    answer = bea.post(KEEP, LATE | said)

    assert answer.status_code == 422
    assert problem in answer.content.decode()
    assert not SavedFilter.objects.exists()


def test_nobody_keeps_them_without_end(bea: Client) -> None:
    for number in range(30):
        bea.post(KEEP, LATE | {"name": f"No. {number}"})

    assert bea.post(KEEP, LATE).status_code == 422
    assert SavedFilter.objects.count() == 30


def test_the_page_says_in_words_what_a_filter_shows(bea: Client) -> None:
    said = {"workflow": "expenses", "age": "1h", "sure": "low"}
    bea.post("/review/filters/keep/", {"page": "queue", "name": "Old", **said})

    page = bea.get("/review/filters/?page=queue").content.decode()

    assert "Workflow: Expenses, Waiting: More than an hour, Confidence: Below 0.5" in page


def test_it_is_renamed_and_removed(bea: Client) -> None:
    bea.post(KEEP, LATE)

    change(bea, "rename", name="Old ones")
    assert links(bea) == [("Old ones", SHOWN)]
    assert change(bea, "rename", name="").status_code == 422
    change(bea, "remove")
    assert links(bea) == []


def test_two_filters_never_have_one_name(bea: Client) -> None:
    bea.post(KEEP, LATE)
    bea.post(KEEP, LATE | {"name": "Other"})
    other = SavedFilter.objects.get(name="Other")

    answer = bea.post(f"/review/filters/{other.pk}/rename/", {"name": "Late ones"})

    assert answer.status_code == 422
    assert "Another filter of yours has this name." in answer.content.decode()


def test_a_page_opens_with_the_filter_that_was_chosen(bea: Client, ben: Client) -> None:
    bea.post(KEEP, LATE)
    change(bea, "default")

    assert bea.get("/review/").headers["Location"] == SHOWN
    assert bea.get("/review/?all=1").status_code == 200
    assert bea.get("/review/", headers={"HX-Request": "true"}).status_code == 200
    assert bea.get("/cases/").status_code == 200
    assert ben.get("/review/").status_code == 200

    change(bea, "undefault")
    assert bea.get("/review/").status_code == 200


def test_a_filter_is_private(bea: Client, ben: Client) -> None:
    bea.post(KEEP, LATE)

    assert links(ben) == []
    for action in ("rename", "remove", "share", "default"):
        assert change(ben, action, name="Mine", group="Finance").status_code == 404
    assert SavedFilter.objects.get().name == "Late ones"


@pytest.mark.parametrize("name", ["lea", "alice"])
def test_who_leads_or_owns_shares_it_with_a_group(
    expenses: Workflow, client_of: SignIn, name: str
) -> None:
    owner, bea, carl = client_of(name), client_of("bea"), client_of("carl")
    owner.post(KEEP, LATE)

    change(owner, "share", group="Finance")

    assert links(bea) == [("Late ones", SHOWN)] or links(bea)[0][1] == SHOWN
    assert links(carl) == []
    assert change(bea, "remove").status_code == 404
    change(bea, "default")
    assert bea.get("/review/").headers["Location"] == SHOWN

    change(owner, "share", group="")
    assert links(bea) == []
    assert bea.get("/review/").status_code == 200


@pytest.mark.parametrize(("name", "group"), [("bea", "Finance"), ("lea", "Another team")])
def test_nobody_shares_beyond_what_they_lead(
    expenses: Workflow, client_of: SignIn, name: str, group: str
) -> None:
    client_of("carl")
    owner = client_of(name)
    owner.post(KEEP, LATE)

    answer = change(owner, "share", group=group)

    assert answer.status_code == 422
    assert SavedFilter.objects.get().group is None


def test_an_unknown_page_or_act_is_not_found(bea: Client) -> None:
    bea.post(KEEP, LATE)

    assert bea.get("/review/filters/?page=admin").status_code == 404
    assert bea.post(KEEP, LATE | {"page": "admin"}).status_code == 404
    assert change(bea, "explode").status_code == 404


def test_the_bar_costs_one_query(
    bea: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        bea.post(KEEP, LATE | {"name": f"No. {number}"})

    with django_assert_max_num_queries(16):
        bea.get("/review/?workflow=expenses")


# What the queue's own filters find


def keys(client: Client, query: str) -> list[str]:
    return [row.case_key for row in client.get(f"/review/?{query}").context["rows"]]


@pytest.fixture
def mixed(expenses: Workflow) -> None:
    for key, confidence, hours in (("old", 0.4, 5), ("sure", 0.95, 0), ("unknown", None, 0)):
        value = world.LUNCH | {"merchant": f"Shop {key}", "amount": 900}
        task = world.in_review(expenses, value, confidence=confidence, key=key)
        Seat.objects.filter(task=task).update(created_at=timezone.now() - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("age=1h", ["old"]),
        ("age=1d", []),
        ("sure=low", ["old"]),
        ("sure=high", ["sure"]),
        ("sure=unknown", ["unknown"]),
        ("q=shop", ["old", "sure", "unknown"]),
        ("q=unkn", ["unknown"]),
        ("q=shop&sure=high", ["sure"]),
        ("q=nothing", []),
        ("age=made-up&sure=made-up", ["old", "sure", "unknown"]),
    ],
)
def test_the_queue_is_narrowed(bea: Client, mixed: None, query: str, found: list[str]) -> None:
    assert sorted(keys(bea, query)) == found


def test_a_blind_seat_is_in_no_band(bea: Client, mixed: None) -> None:
    Seat.objects.update(blind=True)

    assert keys(bea, "sure=low") == []


def test_next_stays_within_what_is_wanted(bea: Client, mixed: None) -> None:
    task = Seat.objects.get(task__case__key="sure").task_id

    answer = bea.post("/review/next/?q=shop&sure=high")

    assert answer.headers["Location"] == f"/review/tasks/{task}/?q=shop&sure=high"
    seat = Seat.objects.get(task=task)
    released = bea.post(
        f"/review/tasks/{task}/skip/?q=shop&sure=high", {"claim_token": str(seat.claim_token)}
    )
    assert released.status_code == 302


def test_incidents_are_narrowed(bea: Client, expenses: Workflow) -> None:
    task = world.in_review(expenses, key="R-1")
    with acting(task.case_id) as act:
        open_incident(act, locked_task(act, task.pk), "nobody", "Nobody is there.")

    def found(query: str) -> int:
        return int(bea.get(f"/incidents/?{query}").context["total"])

    assert [found(query) for query in ("q=R-", "workflow=expenses", "all=1")] == [1, 1, 1]
    assert [found(query) for query in ("q=X", "workflow=none", "age=1h", "age=made-up")] == [0] * 4


@pytest.mark.django_db(transaction=True)
def test_bea_keeps_a_filter_with_the_keyboard_and_opens_with_it(page: Page, sign_in: Any) -> None:
    place = world.workflow()
    world.in_review(place, key="R-1")
    sign_in(world.person("bea"))
    page.goto("/review/?all=1")

    page.keyboard.press("/")
    page.keyboard.type("kantine")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="R-1").wait_for()
    page.get_by_role("button", name="Keep this filter").click()
    page.keyboard.type("Canteens")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Canteens").wait_for()
    page.get_by_role("link", name="Manage filters").click()
    page.get_by_role("button", name="Open the page with it").click()
    page.get_by_text("Opens first", exact=True).wait_for()

    page.goto("/review/")
    assert page.url.endswith("/review/?q=kantine")
    assert page.get_by_label("Key, or words in the case").input_value() == "kantine"
