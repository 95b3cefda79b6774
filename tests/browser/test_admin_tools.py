"""Alice at the tools of the admin: the tester, the schema editor, nested conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orchestrator.definitions import clone_to_draft
from orchestrator.models import Step
from tests import world
from tests.browser.test_accessibility import check

SignIn = Callable[[User], None]


@pytest.fixture
def step(transactional_db: None) -> Step:
    place = world.workflow()
    world.started(place, world.LUNCH, confidence=0.95, key="lunch")
    assert place.published_version
    return clone_to_draft(place.published_version).steps.get(key="read")


@pytest.fixture
def alice(page: Page, step: Step, sign_in: SignIn) -> Page:
    sign_in(world.person("alice"))
    return page


def address(page: str, pk: int) -> str:
    return reverse(f"admin:orchestrator_{page}", args=[pk])


def test_rules_are_tried_while_alice_types(alice: Page, step: Step) -> None:
    alice.goto(address("step_try", step.pk))
    outcome = alice.locator("#outcome section").first
    expect(outcome).to_contain_text("Automatic")

    alice.get_by_role("textbox", name="Amount *").fill("2000")

    expect(outcome).to_contain_text("amount 2000 is above 1000")
    expect(outcome).to_contain_text("2 people now: Bea, Ben")
    expect(alice.locator("#status")).to_contain_text("Two people")
    expect(alice.get_by_role("textbox", name="Amount *")).to_be_focused()


def test_the_form_follows_the_schema_as_alice_types(alice: Page, step: Step) -> None:
    alice.goto(address("step_schema", step.pk))
    preview = alice.get_by_role("region", name="As reviewers see it")
    text = alice.get_by_role("textbox", name="The schema")
    typed = text.input_value()

    text.fill(typed.replace("title: Amount", "title: Total"))
    expect(preview.get_by_label("Total")).to_have_value("42.5")
    text.fill(typed.replace("type: number", "type: money"))
    expect(alice.get_by_role("status").get_by_text("Line 12:")).to_be_visible()
    expect(preview.get_by_label("Total")).to_be_visible()
    text.fill(typed)
    expect(preview.get_by_label("Amount")).to_be_visible()

    alice.get_by_label("Key, such as total_amount").fill("tip")
    alice.get_by_role("combobox", name="Type").select_option("yes or no")
    alice.get_by_label("Key, such as total_amount").press("Tab")
    alice.get_by_role("button", name="Add the field").click()
    expect(preview.get_by_label("Tip")).to_be_visible()
    alice.get_by_role("button", name="Move tip up").press("Enter")
    expect(alice.get_by_role("button", name="Move tip up")).to_be_focused()
    expect(alice.locator("#rows tbody tr").nth(3)).to_contain_text("tip")
    alice.get_by_role("button", name="Save the schema").click()

    expect(alice.get_by_text("The schema of Read the receipt is saved.")).to_be_visible()
    step.refresh_from_db()
    assert list(step.schema["properties"]) == ["merchant", "amount", "category", "tip", "paid_on"]


def test_the_tools_work_without_javascript(
    browser: Browser, live_server: LiveServer, alice: Page, step: Step
) -> None:
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(alice.context.cookies())  # type: ignore[arg-type]
        plain = context.new_page()
        plain.goto(address("step_try", step.pk))
        plain.get_by_role("textbox", name="Amount *").fill("2000")
        plain.get_by_role("textbox", name="Amount *").press("Enter")
        expect(plain.locator("#outcome")).to_contain_text("amount 2000 is above 1000")

        plain.goto(address("step_schema", step.pk))
        text = plain.get_by_role("textbox", name="The schema")
        text.fill(text.input_value().replace("title: Amount", "title: Total"))
        plain.get_by_role("button", name="Preview").last.click()
        expect(plain.get_by_role("textbox", name="Total *")).to_be_visible()


def test_alice_nests_a_condition_with_the_keyboard(alice: Page, step: Step) -> None:
    rule = step.rights.get(mode="auto")
    alice.goto(address("decisionright_change", rule.pk))
    lines = alice.locator(".clause")

    lines.nth(2).get_by_label("Fact", exact=True).select_option("none of the lines below")
    expect(lines.nth(2).get_by_label("Comparison")).to_be_hidden()
    third = lines.nth(3)
    third.get_by_label("Fact", exact=True).select_option("output/category")
    third.get_by_label("Comparison").select_option("is")
    third.get_by_label("Value", exact=True).select_option("travel")
    third.get_by_label("in by").select_option("1")
    alice.get_by_role("button", name="Add a line").click()
    fourth = lines.nth(4)
    fourth.get_by_label("Fact", exact=True).select_option("output/paid_on")
    fourth.get_by_label("Comparison").select_option("is below")
    fourth.get_by_label("Value", exact=True).fill("2025-01-31")
    fourth.get_by_label("in by").select_option("1")
    assert fourth.get_by_label("Value", exact=True).get_attribute("type") == "date"
    lines.nth(1).get_by_role("button", name="Move this line up").press("Enter")
    alice.get_by_role("button", name="Save", exact=True).click()

    expect(alice.get_by_role("heading", name="Read the receipt", exact=True)).to_be_visible()
    rule.refresh_from_db()
    assert rule.condition == {
        "all": [
            {"fact": "output/amount", "op": "le", "value": 100},
            {"fact": "confidence", "op": "ge", "value": 0.9},
            {"not": {"any": [
                {"fact": "output/category", "op": "eq", "value": "travel"},
                {"fact": "output/paid_on", "op": "lt", "value": "2025-01-31"},
            ]}},
        ]
    }  # fmt: skip
    alice.goto(address("decisionright_change", rule.pk))
    group = lines.nth(2).get_by_label("Fact", exact=True)
    expect(group).to_have_value(":none")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_tools_are_accessible_and_fit_a_phone(
    alice: Page, step: Step, scheme: Literal["light", "dark"]
) -> None:
    alice.emulate_media(color_scheme=scheme)
    alice.set_viewport_size({"width": 320, "height": 800})
    pages = {"step_try": step, "step_schema": step, "workflowversion_schema": step.version}
    for page, row in pages.items():
        alice.goto(address(page, row.pk))
        check(alice)
        wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not alice.evaluate(wide), page
