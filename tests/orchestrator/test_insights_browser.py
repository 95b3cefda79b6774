"""The insights in a real browser: readable by everybody, on every width, and on paper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestrator import engine
from tests import world
from tests.browser.test_accessibility import check
from tests.world import FLIGHT, LUNCH


@pytest.fixture
def alice(page: Page, transactional_db: None, sign_in: Callable[[User], None]) -> Page:
    place = world.workflow()
    world.started(place, LUNCH, confidence=0.99, cost_micros=900, currency="EUR")
    for confidence, word in ((0.85, "approved"), (0.4, "rejected"), (None, "escalated")):
        world.decided(world.in_review(place, confidence=confidence), "bea", word, final=True)
    world.in_review(place, FLIGHT)
    engine.fold_counters()
    sign_in(world.person("alice"))
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_can_be_read_by_everybody(alice: Page, scheme: Literal["light", "dark"]) -> None:
    alice.emulate_media(color_scheme=scheme)
    alice.goto("/insights/")
    for summary in alice.locator("details > summary").all():
        summary.click()
    check(alice)


@pytest.mark.parametrize("period", ["24h", "all"])
def test_the_page_is_no_wider_than_a_telephone(alice: Page, period: str) -> None:
    alice.set_viewport_size({"width": 320, "height": 700})
    alice.goto(f"/insights/?period={period}")
    for summary in alice.locator("details > summary").all():
        summary.click()

    assert alice.evaluate("document.documentElement.scrollWidth") <= 320


def test_a_number_leads_to_its_case_and_back_to_all(alice: Page) -> None:
    alice.goto("/insights/")

    alice.get_by_role("term").filter(has_text="Overridden by people").locator("..").get_by_role(
        "link", name="1"
    ).first.click()

    expect(
        alice.get_by_text("Cases in which people corrected or rejected an output")
    ).to_be_visible()
    expect(alice.get_by_role("listitem")).to_have_count(1)
    alice.get_by_role("link", name="Show the others too").click()
    expect(alice.get_by_role("list", name="Cases").get_by_role("listitem")).to_have_count(5)


def test_paper_shows_the_numbers_of_every_chart(alice: Page) -> None:
    alice.goto("/insights/")
    alice.emulate_media(media="print")

    expect(alice.get_by_role("columnheader", name="half within")).to_be_visible()
    expect(alice.get_by_role("button", name="Show")).to_be_hidden()
