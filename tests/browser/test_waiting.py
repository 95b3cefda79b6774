"""Waiting for somebody and sending back, by keys, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestrator.models import Decision, Seat, Task
from tests import waiting, world


@pytest.fixture
def lunch(transactional_db: None) -> Task:
    return world.in_review(waiting.workflow(), key="lunch", text="Kantine Mitte, 45,20 EUR")


@pytest.fixture
def bea(page: Page, sign_in: Callable[[User], None], lunch: Task) -> Page:
    """Bea's browser, with the task in it."""
    sign_in(world.person("bea"))
    page.goto(f"/review/tasks/{lunch.pk}/")
    page.keyboard.press("c")
    page.wait_for_selector("#claim")
    return page


def test_w_waits_with_what_was_typed_and_resuming_brings_it_back(bea: Page, lunch: Task) -> None:
    bea.fill("textarea[name=comment]", "Half done")
    bea.locator("h1").click()
    bea.keyboard.press("w")
    bea.fill("input[name=pend-party]", "Kantine Mitte")
    bea.keyboard.press("Control+Enter")

    expect(bea.locator("#status")).to_contain_text("You wait with lunch")
    expect(bea.get_by_text("Waiting for others")).to_be_visible()
    assert Seat.objects.get(task=lunch).back_at
    bea.get_by_role("button", name="Resume now").click()

    expect(bea.locator("textarea[name=comment]")).to_have_value("Half done")
    assert Seat.objects.get(task=lunch).back_at is None


def test_b_sends_back_and_u_takes_it_back(bea: Page, lunch: Task) -> None:
    bea.keyboard.press("b")
    bea.fill("textarea[name=back-instructions]", "Read the date too.")
    bea.keyboard.press("Control+Enter")
    expect(bea.locator("#status")).to_contain_text("Sent back: lunch.")
    assert Decision.objects.get().proof["sent_back"]["to"] == "read"

    bea.keyboard.press("u")

    expect(bea.locator("#claim")).to_be_visible()
    lunch.refresh_from_db()
    assert lunch.state == "in_review"
