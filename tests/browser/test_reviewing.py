"""A reviewer at work in a real browser, under the real content security policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orchestrator.models import Decision, Seat, Task, Workflow
from tests import world

SignIn = Callable[[User], None]

LISTS = """
        tags: {type: array, title: Tags, items: {type: string}}
        lines:
          type: array
          title: Lines
          items:
            type: object
            required: [sku]
            properties: {sku: {type: string, title: Item}, price: {type: number, title: Price}}
        paid_on:"""


@pytest.fixture
def expenses(transactional_db: None) -> Workflow:
    return world.workflow()


@pytest.fixture
def lunch(expenses: Workflow) -> Task:
    return world.in_review(
        expenses,
        key="lunch",
        text="Kantine Mitte, lunch, 45,20 EUR",
        field_confidence={"/amount": 0.4, "/merchant": 0.97},
    )


@pytest.fixture
def bea(page: Page, sign_in: SignIn, expenses: Workflow) -> Page:
    """Bea's browser."""
    sign_in(world.person("bea"))
    return page


def heading(page: Page) -> str:
    """What a screen reader reads after the last change: the heading that has focus."""
    return str(page.evaluate("document.activeElement.innerText"))


def decisions() -> list[str]:
    return list(Decision.objects.order_by("id").values_list("word", flat=True))


def test_bea_corrects_undoes_and_goes_on_by_keyboard_alone(
    bea: Page, expenses: Workflow, lunch: Task
) -> None:
    world.in_review(expenses, key="flight")
    bea.goto("/review/")

    bea.keyboard.press("j")
    bea.keyboard.press("Enter")
    expect(bea.get_by_role("button", name="Claim and review")).to_be_visible()
    bea.keyboard.press("c")
    expect(bea.get_by_role("button", name="Approve")).to_be_visible()
    bea.keyboard.press("n")
    bea.keyboard.press("e")
    bea.keyboard.press("Control+a")
    bea.keyboard.type("45.20")
    expect(bea.get_by_text("1 change", exact=True)).to_be_visible()
    expect(bea.get_by_role("button", name="Approve")).to_be_disabled()
    bea.keyboard.press("Control+Enter")

    expect(bea).to_have_title("flight · Read the receipt · Rewire")
    assert heading(bea).startswith("flight")
    expect(bea.locator("#status")).to_have_text("Corrected lunch.")
    assert decisions() == ["corrected"]

    bea.keyboard.press("u")
    expect(bea).to_have_title("lunch · Read the receipt · Rewire")
    expect(bea.get_by_label("Amount")).to_have_value("45.2")

    bea.keyboard.press("r")
    expect(bea.get_by_text("Why reject it?")).to_be_visible()
    bea.keyboard.press("2")
    bea.keyboard.press("Control+Enter")

    expect(bea).to_have_title("flight · Read the receipt · Rewire")
    assert Decision.objects.latest("id").reasons == {"": "unclear"}
    bea.keyboard.press("a")
    expect(bea.get_by_role("heading", name="All done")).to_be_visible()
    assert decisions() == ["corrected", "rejected", "approved"]


def test_keys_rest_while_somebody_types(bea: Page, lunch: Task) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")

    bea.get_by_label("Merchant").fill("")
    bea.get_by_label("Merchant").press_sequentially("arxs")

    expect(bea.get_by_label("Merchant")).to_have_value("arxs")
    assert decisions() == []


def test_single_keys_can_be_switched_off(bea: Page, lunch: Task) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")
    bea.get_by_role("button", name="Account and preferences").click()
    bea.get_by_role("group", name="Single keys").get_by_role("button", name="Off").click()

    bea.keyboard.press("a")
    bea.wait_for_timeout(200)

    expect(bea.get_by_role("button", name="Approve")).to_be_visible()
    assert decisions() == []


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_words_of_the_menu_stay_whole(bea: Page, language: str) -> None:
    bea.set_extra_http_headers({"Accept-Language": language})
    bea.set_viewport_size({"width": 320, "height": 640})
    bea.goto("/review/")
    bea.locator(".menu-button").click()

    heights = bea.locator("#menu .segments button").evaluate_all(
        "all => all.map(one => one.clientHeight)"
    )

    assert len(heights) == 7
    assert max(heights) <= 26


def test_what_is_wrong_gets_the_focus(bea: Page, lunch: Task, troubles: list[str]) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")

    bea.get_by_label("Amount").fill("much")
    bea.keyboard.press("Control+Enter")

    expect(bea.get_by_text("Give a number")).to_be_visible()
    expect(bea.get_by_label("Amount")).to_be_focused()
    expect(bea.get_by_label("Amount")).to_have_value("much")
    assert "422" in troubles.pop()


def test_a_reload_keeps_what_was_typed(bea: Page, lunch: Task) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")
    bea.get_by_label("Amount").fill("45.20")
    bea.wait_for_timeout(400)

    bea.reload()

    expect(bea.get_by_label("Amount")).to_have_value("45.20")
    expect(bea.get_by_text("What you typed before is back.")).to_be_visible()


def test_a_claim_that_ends_soon_is_said_and_extended(bea: Page, lunch: Task) -> None:
    world.claimed(lunch, "bea")
    Seat.objects.update(claim_expires_at=timezone.now() + timedelta(seconds=50))
    bea.goto(f"/review/tasks/{lunch.pk}/")

    expect(bea.locator("#status")).to_contain_text("Your claim ends in")
    bea.get_by_role("button", name="Extend").click()

    expect(bea.locator("#claim")).to_have_attribute("data-seconds", re.compile("59.|600"))
    expect(bea.get_by_role("button", name="Extend")).to_be_hidden()


def test_an_ended_claim_is_said_and_taken_again(
    bea: Page, lunch: Task, troubles: list[str]
) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")
    Seat.objects.update(claim_expires_at=timezone.now() - timedelta(seconds=1))

    bea.get_by_label("Amount").fill("45.20")
    bea.keyboard.press("Control+Enter")
    expect(bea.get_by_role("main")).to_contain_text("It is yours again")
    expect(bea.get_by_label("Amount")).to_have_value("45.20")
    bea.keyboard.press("Control+Enter")

    expect(bea.get_by_role("heading", name="All done")).to_be_visible()
    assert decisions() == ["corrected"]
    assert "409" in troubles.pop()


def test_a_session_that_ended_leads_to_the_sign_in_and_back(
    bea: Page, lunch: Task, sign_in: SignIn
) -> None:
    world.claimed(lunch, "bea")
    bea.goto(f"/review/tasks/{lunch.pk}/")
    bea.get_by_label("Amount").fill("45.20")
    bea.wait_for_timeout(400)
    bea.context.clear_cookies(name=settings.SESSION_COOKIE_NAME)

    bea.keyboard.press("Control+Enter")
    expect(bea.get_by_label("Password")).to_be_visible()
    expect(bea.locator("#task")).to_have_count(0)
    bea.get_by_label("Username").fill("bea")
    bea.get_by_label("Password").fill("bea")
    bea.get_by_label("Password").press("Enter")

    expect(bea.get_by_label("Amount")).to_have_value("45.20")
    assert decisions() == []


def test_back_leads_to_a_whole_page(bea: Page, expenses: Workflow, lunch: Task) -> None:
    world.in_review(expenses, key="flight")
    bea.goto("/review/")
    bea.keyboard.press("c")
    expect(bea.get_by_role("button", name="Approve")).to_be_visible()
    bea.keyboard.press("a")
    expect(bea).to_have_title("flight · Read the receipt · Rewire")

    bea.go_back()

    expect(bea).to_have_title("lunch · Read the receipt · Rewire")
    expect(bea.get_by_role("navigation", name="Main")).to_have_count(1)


def test_the_case_so_far_opens_on_demand(bea: Page, lunch: Task) -> None:
    bea.goto(f"/review/tasks/{lunch.pk}/")

    bea.get_by_text("So far").click()

    expect(bea.get_by_text("started the case")).to_be_visible()


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer, page: Page, bea: Page) -> Iterator[Page]:
    """Bea's browser with JavaScript switched off."""
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        yield context.new_page()


def test_without_javascript_bea_claims_corrects_and_undoes(
    plain: Page, expenses: Workflow, lunch: Task
) -> None:
    world.in_review(expenses, key="flight")
    plain.goto("/review/")
    plain.get_by_role("link", name="lunch").click()
    plain.get_by_role("button", name="Claim and review").click()
    plain.get_by_label("Amount").fill("45.20")
    plain.get_by_role("button", name="Save correction").click()

    expect(plain).to_have_title("flight · Read the receipt · Rewire")
    plain.get_by_role("button", name="Undo").click()
    expect(plain).to_have_title("lunch · Read the receipt · Rewire")
    expect(plain.get_by_label("Amount")).to_have_value("45.2")
    plain.get_by_label("Amount").fill("42.5")
    plain.get_by_role("button", name="Approve").click()

    expect(plain).to_have_title("flight · Read the receipt · Rewire")
    assert decisions() == ["corrected", "approved"]


def test_without_javascript_bea_rejects_with_a_reason(plain: Page, lunch: Task) -> None:
    world.claimed(lunch, "bea")
    plain.goto(f"/review/tasks/{lunch.pk}/")
    plain.get_by_role("button", name="Reject").click()
    plain.get_by_role("radio", name="Misread").check()
    plain.locator("#sheet-rejected").get_by_role("button", name="Reject").click()

    expect(plain.get_by_role("heading", name="All done")).to_be_visible()
    assert Decision.objects.get().reasons == {"": "misread"}


@pytest.mark.parametrize("width", [320, 360, 600, 768, 900, 1024, 1280])
def test_nothing_runs_out_of_the_page(bea: Page, lunch: Task, width: int) -> None:
    lists = world.workflow(**{"\n        paid_on:": LISTS})
    output = world.LUNCH | {"tags": ["a", "b"], "lines": [{"sku": "Soup", "price": 4.5}]}
    lunch = world.in_review(lists, output, key="k" * 60, text="x" * 300)
    world.claimed(lunch, "bea")
    bea.set_viewport_size({"width": width, "height": 740})

    for url in ("/review/", f"/review/tasks/{lunch.pk}/"):
        bea.goto(url)
        assert bea.evaluate("document.documentElement.scrollWidth") <= width
