"""Pages on paper: light whatever the theme, without controls, with what a click would show."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from orchestrator import engine
from tests.world import LUNCH, decided, in_review, person, started, workflow

pytestmark = pytest.mark.django_db(transaction=True)

INK = "getComputedStyle(document.querySelector('h1')).color"


@pytest.fixture
def paper(page: Page, sign_in: Any) -> Page:
    """What alice prints, from a dark screen."""
    place = workflow()
    task = in_review(place, key="R-1")
    decided(task, "bea", "corrected", output=LUNCH | {"amount": 1})
    started(place, LUNCH, confidence=0.99)
    engine.fold_counters()
    sign_in(person("alice"))
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(f"/cases/{task.case_id}/")
    return page


def test_a_case_is_printed_with_its_proof_and_without_buttons(paper: Page) -> None:
    assert _is_dark(paper.evaluate(INK))
    assert not paper.locator("header.top").is_visible()
    assert not paper.locator(".btn:visible").count()
    assert paper.locator("details:not([open]) dl.facts").first.is_visible()


@pytest.mark.parametrize("url", ["/workflows/expenses/", "/insights/", "/review/?all=1"])
def test_nothing_is_cut_off(paper: Page, url: str) -> None:
    paper.set_viewport_size({"width": 700, "height": 900})
    paper.goto(url)

    assert _is_dark(paper.evaluate(INK))
    assert not paper.locator(".btn:visible, .filters:visible, header.top:visible").count()
    assert paper.evaluate("document.documentElement.scrollWidth <= innerWidth")


def _is_dark(colour: str) -> bool:
    """Whether ``rgb(1, 2, 3)`` is ink rather than paper."""
    return sum(int(part) for part in colour.strip("rgb()").split(",")) < 200
