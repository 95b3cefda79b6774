"""Tasks of two minutes that lead through the pages of leads and owners, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from integrations.demo.welcome import picks
from orchestrator.models import Workflow
from tests.integrations.demo.test_welcome_browser import become, take  # noqa: F401
from tests.world import actor, claimed

pytestmark = pytest.mark.usefixtures("transactional_db")

Become = Callable[[str], Locator]


def test_lea_hands_on_what_bea_left_and_decides_a_doubtful_request(
    page: Page,
    become: Become,  # noqa: F811
    refunds: Workflow,
) -> None:
    (left,) = picks.five(refunds, actor("bea"), wanted=1, wrong=False)
    claimed(left, "bea")
    card = become("Lea")

    card.get_by_role("link", name="Who is on what").click()
    page.get_by_role("link", name=f"Hand on {left.case.key}").click()
    page.get_by_role("radio", name=re.compile("^Ben")).check()
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_text(left.case.key).first).to_be_visible()

    page.goto("/demo/")
    card.get_by_role("link", name="A doubtful request").click()
    take(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#status")).to_contain_text("Approved")

    page.goto("/demo/")
    expect(card.locator(".pill")).to_have_text("Done")


def test_alice_lowers_the_automatic_limit_and_publishes(
    page: Page,
    become: Become,  # noqa: F811
    refunds: Workflow,
) -> None:
    card = become("Alice")

    card.get_by_role("link", name="Edit the workflow").click()
    page.get_by_role("button", name="Clone to a draft").click()
    page.get_by_role("link", name="Read the request").first.click()
    page.get_by_role("link", name=picks.AUTOMATIC).first.click()
    amount = page.locator(".clause").nth(3).get_by_label("Value")
    expect(amount).to_have_value("100")
    amount.fill("50")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="v2 (draft)").first.click()
    page.get_by_role("link", name="Check and publish").click()
    page.get_by_role("button", name="Publish v2").click()
    expect(page.get_by_text("v2 is published").first).to_be_visible()

    page.goto("/demo/")
    expect(card.get_by_text("Limit lowered to 50")).to_be_visible()
    expect(card.locator(".pill")).to_have_text("Done")
