"""The first ten minutes in a real browser: each task from the card to the tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page, expect

from integrations.demo import feeding
from integrations.demo.refunds import STORE
from integrations.demo.welcome import picks
from orchestrator.models import Task, Workflow
from tests.browser.test_accessibility import check
from tests.world import actor, decided

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def become(page: Page, refunds: Workflow) -> Callable[[str], Locator]:
    """From the site's start page to somebody's card, by one click."""

    def become(name: str) -> Locator:
        page.goto("/")
        expect(page).to_have_url("/demo/?next=/")
        page.get_by_role("button", name=f"Be {name}").click()
        expect(page).to_have_url(f"/demo/#{name.lower()}")
        return page.locator(f"#{name.lower()}")

    return become


def take(page: Page) -> None:
    claim = page.get_by_role("button", name="Claim and review")
    approve = page.get_by_role("button", name="Approve")
    expect(claim.or_(approve)).to_be_visible()
    if claim.is_visible():
        claim.click()
    expect(approve).to_be_visible()


def test_bea_decides_five_refunds_and_finds_the_wrong_amount(
    page: Page, become: Callable[[str], Locator], refunds: Workflow
) -> None:
    card = become("Bea")
    five = picks.five(refunds, actor("bea"), wanted=5, wrong=True)

    for number, task in enumerate(five, start=1):
        card.get_by_role("link", name=task.case.key).click()
        take(page)
        if picks.is_misread(task):
            due = STORE.truth()[task.case.key]["amount"]
            page.get_by_label("Amount in all").fill(str(due))
            page.get_by_role("button", name="Save correction").click()
        else:
            page.get_by_role("button", name="Approve").click()
        expect(page.locator("#status")).to_contain_text(task.case.key)
        page.get_by_role("link", name="Demo", exact=True).click()
        expect(card.get_by_text(f"{number} of 5 decided")).to_be_visible()

    expect(card.locator(".pill")).to_have_text("Done")


def test_ben_is_refused_where_he_was_the_first_and_second_after_bea(
    page: Page, become: Callable[[str], Locator], refunds: Workflow
) -> None:
    by_bea: Task = picks.nobody_yet(refunds).latest("pk")
    decided(by_bea, "bea", "approved")
    card = become("Ben")

    card.get_by_role("link", name="Be the first").click()
    take(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#status")).to_contain_text("Approved")
    page.get_by_role("link", name="Demo", exact=True).click()
    card.get_by_role("button", name="Take it again").click()
    expect(page.get_by_text("other eyes")).to_be_visible()

    card.get_by_role("link", name="Be the second").click()
    take(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#status")).to_contain_text("Approved")
    page.get_by_role("link", name="Demo", exact=True).click()
    expect(card.locator(".pill")).to_have_text("Done")


def test_cara_sees_why_and_verifies_the_record(
    page: Page, become: Callable[[str], Locator]
) -> None:
    card = become("Cara")

    card.get_by_role("link", name="was approved").click()
    expect(page.get_by_text(picks.AUTOMATIC).first).to_be_visible()
    page.get_by_role("link", name="Demo", exact=True).click()
    card.get_by_role("button", name="Verify its record").click()

    expect(page.get_by_text("The record holds")).to_be_visible()
    expect(card.locator(".pill")).to_have_text("Done")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_is_accessible_and_fits_a_narrow_screen(
    page: Page, become: Callable[[str], Locator], scheme: Literal["light", "dark"]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto("/demo/")
    check(page)
    become("Dora")
    check(page)

    page.set_viewport_size({"width": 320, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_map_follows_what_happens_without_a_reload(page: Page, refunds: Workflow) -> None:
    page.goto("/demo/")
    shown = page.locator(".map-drawing")
    expect(shown.locator(".map-in_review").first).to_be_visible()
    expect(shown.locator(".map-ready")).to_have_count(0)

    feeding.feed(20)

    expect(shown.locator(".map-chip.map-ready")).to_contain_text("20", timeout=15_000)
