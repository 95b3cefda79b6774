"""The page of the API in a real browser: narrow, without trouble, and where problems lead."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_answer_opens(page: Page) -> None:
    page.goto("/api/docs")
    expect(page.get_by_text("items[].slug")).to_be_hidden()

    page.get_by_text("Answer 200").first.click()

    expect(page.get_by_text("items[].slug")).to_be_visible()


def test_the_page_fits_a_narrow_screen(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto("/api/docs")

    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_a_problem_leads_to_its_line(page: Page) -> None:
    page.goto("/problems/stale-digest")

    expect(page.locator("#problem-stale-digest")).to_be_in_viewport()
