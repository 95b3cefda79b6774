"""The admin in a real browser under the strict policy: any breach of it fails the page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orchestrator.definitions import clone_to_draft
from orchestrator.models import (
    Attempt,
    Case,
    Connection,
    Decision,
    DecisionRight,
    Event,
    Routing,
    Seat,
    Step,
    Task,
    WorkflowVersion,
)
from tests import world

pytestmark = pytest.mark.django_db(transaction=True)

SignIn = Callable[[User], None]
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture
def draft() -> WorkflowVersion:
    place = world.workflow()
    task = world.in_review(place)
    world.decided(task, "bea", "approved")
    assert place.published_version
    return clone_to_draft(place.published_version)


def page_of(name: str, *args: object, **query: object) -> str:
    return reverse(f"admin:{name}", args=args, query=query or None)


def editing(draft: WorkflowVersion) -> list[str]:
    step = draft.steps.get(key="read")
    pages = [
        page_of("index"),
        page_of("orchestrator_workflow_changelist"),
        page_of("orchestrator_workflow_add"),
        page_of("orchestrator_workflow_change", draft.workflow_id),
        page_of("orchestrator_workflowversion_change", draft.pk),
        page_of("orchestrator_workflowversion_publish", draft.pk),
        page_of("orchestrator_workflowversion_text", draft.pk),
        page_of("orchestrator_step_change", step.pk),
        page_of("orchestrator_step_add", version=draft.pk),
        page_of("orchestrator_decisionright_add", step=step.pk),
        page_of("orchestrator_transition_add", source=step.pk),
        page_of("orchestrator_connection_add"),
        page_of("orchestrator_connection_change", Connection.objects.get().pk),
        page_of("orchestrator_actor_add"),
        page_of("orchestrator_actor_changelist"),
        page_of("orchestrator_grant_add"),
        page_of("orchestrator_apikey_add"),
        page_of("orchestrator_step_delete", step.pk),
        page_of("auth_user_change", world.person("bea").pk),
        page_of("auth_group_changelist"),
    ]
    rights = step.rights.values_list("pk", flat=True)
    return [*pages, *(page_of("orchestrator_decisionright_change", pk) for pk in rights)]


def looking(draft: WorkflowVersion) -> list[str]:
    published = draft.workflow.published_version
    assert published
    step = published.steps.get(key="read")
    right = step.rights.get(mode="dual")
    first = [
        (model._meta.model_name, model.objects.values_list("pk", flat=True)[0])
        for model in (Case, Task, Attempt, Routing, Seat, Decision, Event)
    ]
    return [
        page_of("orchestrator_workflowversion_change", published.pk),
        page_of("orchestrator_step_change", step.pk),
        page_of("orchestrator_decisionright_change", right.pk),
        *(page_of(f"orchestrator_{name}_changelist") for name, _ in first),
        *(page_of(f"orchestrator_{name}_change", pk) for name, pk in first),
    ]


def test_every_page_keeps_the_policy_and_fits_a_phone(
    page: Page, draft: WorkflowVersion, sign_in: SignIn
) -> None:
    sign_in(world.person("dora"))
    page.set_viewport_size({"width": 360, "height": 800})
    too_wide = []

    for address in [*editing(draft), *looking(draft)]:
        answer = page.goto(address)
        assert answer
        assert answer.ok, address
        if page.evaluate(WIDER):
            too_wide.append(address)

    assert too_wide == []


def test_alice_changes_a_rule_with_the_editor(
    page: Page, draft: WorkflowVersion, sign_in: SignIn
) -> None:
    rule = DecisionRight.objects.get(step__version=draft, mode="auto")
    sign_in(world.person("alice"))
    page.goto(page_of("orchestrator_decisionright_change", rule.pk))
    lines = page.locator(".clause")
    expect(page.get_by_label("Condition as text")).to_be_hidden()
    expect(lines).to_have_count(4)

    page.get_by_role("button", name="Add a line").click()
    lines.nth(4).get_by_label("Fact", exact=True).select_option("output/category")
    value = lines.nth(4).get_by_label("Value")
    expect(value).to_have_attribute("placeholder", "travel, food, other")
    lines.nth(4).get_by_label("Comparison").select_option("is one of")
    value.fill("travel, food")
    lines.nth(1).get_by_text("remove").click()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_role("heading", name="Read the receipt", exact=True)).to_be_visible()
    rule.refresh_from_db()
    assert rule.condition == {
        "all": [
            {"fact": "confidence", "op": "ge", "value": 0.9},
            {"fact": "output/category", "op": "in", "value": ["travel", "food"]},
        ]
    }


def test_the_editor_works_without_javascript(
    browser: Browser, live_server: LiveServer, page: Page, draft: WorkflowVersion, sign_in: SignIn
) -> None:
    rule = DecisionRight.objects.get(step__version=draft, mode="auto")
    sign_in(world.person("alice"))
    cookies = page.context.cookies()
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(cookies)  # type: ignore[arg-type]
        plain = context.new_page()
        plain.goto(page_of("orchestrator_decisionright_change", rule.pk))
        lines = plain.locator(".clause")
        expect(lines).to_have_count(4)
        lines.nth(2).get_by_label("Fact", exact=True).select_option("output/merchant")
        lines.nth(2).get_by_label("Comparison").select_option("is")
        lines.nth(2).get_by_label("Value").fill("Kantine")
        plain.get_by_role("button", name="Save", exact=True).click()
        expect(plain.get_by_role("heading", name="Read the receipt", exact=True)).to_be_visible()

    rule.refresh_from_db()
    assert rule.condition
    assert {"fact": "output/merchant", "op": "eq", "value": "Kantine"} in rule.condition["all"]


def test_steps_move_and_a_draft_is_published(
    page: Page, draft: WorkflowVersion, sign_in: SignIn
) -> None:
    sign_in(world.person("alice"))
    page.goto(page_of("orchestrator_workflowversion_change", draft.pk))

    page.get_by_role("button", name="Move Refused up").click()
    expect(page.locator("#step tbody tr").nth(1)).to_contain_text("Refused")
    page.get_by_role("link", name="Check and publish").click()
    expect(page.get_by_text("Nothing is wrong")).to_be_visible()
    expect(page.get_by_role("heading", name="another order Steps", exact=True)).to_be_visible()
    page.get_by_role("button", name="Publish v2").click()

    expect(page.get_by_text("Expenses v2 is published")).to_be_visible()
    assert list(Step.objects.filter(version=draft).values_list("key", flat=True)) == [
        "read", "refused", "booked",
    ]  # fmt: skip


def test_the_theme_that_was_chosen_is_worn(page: Page, sign_in: SignIn) -> None:
    sign_in(world.person("dora"))
    colours = {}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if theme == "light" else "light")
        page.goto(page_of("index"))
        page.context.add_cookies([{"name": "theme", "value": theme, "url": page.url}])
        page.goto(page_of("index"))
        colours[theme] = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert colours == {"light": "rgb(249, 250, 251)", "dark": "rgb(14, 17, 21)"}
