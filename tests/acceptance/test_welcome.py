"""What dora's card does to the group that really runs, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from orchestrator.engine.failing import LOST
from tests.acceptance.site import Site, eventually

LEASE: int = 150
"""Seconds in which the lease of what was killed ends, and then some."""


@pytest.fixture
def page(site: Site, browser: Browser) -> Iterator[Page]:
    with browser.new_context(base_url=site.url) as context:
        yield context.new_page()


def test_dora_kills_a_worker_and_watches_the_case_finish(site: Site, page: Page) -> None:
    page.goto("/")
    page.get_by_role("button", name="Be Dora").click()
    card = page.locator("#dora")

    said = killed(page, card)
    pids = said.partition("The processes ")[2].partition(" were killed")[0].split(" and ")
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    watch = card.get_by_role("link", name="Watch ")
    key = watch.inner_text().removeprefix("Watch ")
    assert key in said
    expect(card.get_by_text("Its case went on: to do")).to_be_visible()

    watch.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(key)
    tries = page.locator("section", has=page.get_by_role("heading", name="Attempts"))
    lost = tries.get_by_role("listitem").filter(has_text="try 1 by").filter(has_text=LOST)
    again = tries.get_by_role("listitem").filter(has_text="try 2 by")
    eventually(lambda: page.reload() and lost.count(), LEASE)
    eventually(lambda: page.reload() and again.filter(has_text="Completed").count())
    page.get_by_role("link", name="Demo", exact=True).click()
    expect(card.get_by_text("Killed in the middle of a step: done")).to_be_visible()
    expect(card.get_by_text("Its case went on: done")).to_be_visible()
    expect(card.locator(".pill")).to_have_text("Done")


def killed(page: Page, card: Locator) -> str:
    """What the page says once a worker was caught in the middle of a step."""
    told = page.locator(".notice").filter(has_text="were killed while they read")

    def kill() -> int:
        card.get_by_role("button", name="Kill a worker").click()
        page.wait_for_load_state()
        return told.count()

    eventually(kill)
    return told.inner_text()
