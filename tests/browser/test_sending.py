"""What cannot be sent, gets no answer or comes twice: said in words, and nothing typed is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from orchestrator.models import Decision, Task
from tests import world
from tests.conftest import CHROMIUM, CHROMIUM_OPTIONS

TOO_LONG = "x" * (1 << 20)


@pytest.fixture
def lunch(transactional_db: None) -> Task:
    expenses = world.workflow()
    lunch = world.in_review(expenses, key="lunch", text="Kantine Mitte, lunch, 45,20 EUR")
    world.in_review(expenses, key="flight")
    world.claimed(lunch, "bea")
    return lunch


@pytest.fixture
def bea(page: Page, sign_in: Callable[[User], None], lunch: Task) -> Page:
    """Bea's browser, with what she has claimed in it and a comment typed."""
    sign_in(world.person("bea"))
    page.goto(f"/review/tasks/{lunch.pk}/")
    page.fill("textarea[name=comment]", "As the receipt says.")
    page.locator("h1").click()
    return page


def test_what_is_too_large_is_not_sent_and_stays_to_be_shortened(bea: Page) -> None:
    bea.get_by_label("Merchant").fill(TOO_LONG)
    bea.keyboard.press("Control+Enter")

    expect(bea.get_by_role("alert")).to_contain_text("more than 1 MiB")
    expect(bea.get_by_role("button", name="Approve")).to_be_disabled()
    bea.get_by_label("Merchant").fill("Mensa")
    bea.keyboard.press("Control+Enter")

    expect(bea).to_have_title("flight · Read the receipt · Rewire")
    expect(bea.get_by_role("alert")).to_have_count(0)
    assert Decision.objects.get().comment == "As the receipt says."


def test_without_a_connection_nothing_is_lost(bea: Page, troubles: list[str]) -> None:
    bea.context.set_offline(True)
    bea.keyboard.press("a")

    expect(bea.get_by_role("alert")).to_contain_text("Rewire cannot be reached.")
    expect(bea.locator("textarea[name=comment]")).to_have_value("As the receipt says.")
    bea.context.set_offline(False)
    bea.keyboard.press("a")

    expect(bea).to_have_title("flight · Read the receipt · Rewire")
    expect(bea.get_by_role("alert")).to_have_count(0)
    assert Decision.objects.get().comment == "As the receipt says."
    troubles.clear()


def test_an_answer_that_gets_lost_decides_once(bea: Page, troubles: list[str]) -> None:
    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    bea.route("**/decide/*", lose, times=1)
    bea.keyboard.press("a")
    expect(bea.get_by_role("alert")).to_contain_text("nothing is done twice")
    bea.keyboard.press("a")

    expect(bea).to_have_title("flight · Read the receipt · Rewire")
    assert Decision.objects.count() == 1
    troubles.clear()


def test_a_server_that_fails_is_said(bea: Page, troubles: list[str]) -> None:
    bea.route("**/decide/*", lambda route: route.fulfill(status=503), times=1)
    bea.keyboard.press("a")

    expect(bea.get_by_role("alert")).to_contain_text("That did not work.")
    bea.get_by_role("button", name="Close").click()
    expect(bea.get_by_role("alert")).to_have_count(0)
    expect(bea.get_by_role("button", name="Approve")).to_be_enabled()
    troubles.clear()


@pytest.fixture
def plain(browser: Browser, live_server: LiveServer, bea: Page) -> Iterator[Page]:
    """Bea's browser with JavaScript switched off, which keeps pages to go back to as browsers of
    people do.
    """
    kept = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=CHROMIUM_OPTIONS,
        ignore_default_args=["--disable-back-forward-cache"],
    )
    with kept.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(bea.context.cookies())  # type: ignore[arg-type]
        yield context.new_page()
    kept.close()


def test_without_javascript_a_page_says_the_limit_and_going_back_keeps_the_text(
    plain: Page, lunch: Task
) -> None:
    plain.goto(f"/review/tasks/{lunch.pk}/")
    plain.get_by_label("Merchant").fill(TOO_LONG)
    plain.get_by_role("button", name="Save correction").click()

    expect(plain.get_by_role("heading", name="This is too much to send")).to_be_visible()
    expect(plain.get_by_text("A form may bring 1 MiB at most.")).to_be_visible()
    plain.go_back(wait_until="commit")

    assert plain.get_by_label("Merchant").input_value() == TOO_LONG


def test_a_second_tab_is_told_what_stands_and_goes_on(bea: Page, lunch: Task) -> None:
    second = bea.context.new_page()
    second.goto(f"/review/tasks/{lunch.pk}/")
    bea.keyboard.press("a")
    expect(bea).to_have_title("flight · Read the receipt · Rewire")

    second.keyboard.press("r")
    second.keyboard.press("1")
    second.keyboard.press("Control+Enter")

    expect(second).to_have_title("flight · Read the receipt · Rewire")
    expect(second.locator("#toasts")).to_contain_text("Approved lunch")
    assert Decision.objects.get().word == "approved"
