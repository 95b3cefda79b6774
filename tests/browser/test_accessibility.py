"""No page of a reviewer has a serious problem that axe knows, in light or in dark."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import Any, Literal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from orchestrator.models import Seat, Task
from tests import world

AXE = files("axe_playwright_python") / "axe.min.js"
RUN = "axe.run({resultTypes: ['violations']}).then(found => found.violations)"


@pytest.fixture
def task(transactional_db: None) -> Task:
    place = world.workflow()
    world.in_review(place, world.FLIGHT, key="flight", confidence=None)
    return world.in_review(
        place, key="lunch", confidence=0.5, field_confidence={"/amount": 0.4, "/merchant": 0.97}
    )


@pytest.fixture
def bea(page: Page, task: Task, sign_in: Callable[[User], None]) -> Page:
    sign_in(world.person("bea"))
    return page


def check(page: Page) -> None:
    assert serious(page) == []


def serious(page: Page) -> list[tuple[str, list[str]]]:
    """What axe minds; Chromium's own door for tools takes it past the content security policy."""
    page.wait_for_timeout(200)  # colours move for 120 ms
    session = page.context.new_cdp_session(page)
    session.send("Runtime.evaluate", {"expression": AXE.read_text()})
    found: list[dict[str, Any]] = page.evaluate(RUN)
    return [
        (problem["id"], [node["target"] for node in problem["nodes"]])
        for problem in found
        if problem["impact"] in {"serious", "critical"}
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_of_a_review(
    bea: Page, task: Task, scheme: Literal["light", "dark"], troubles: list[str]
) -> None:
    bea.emulate_media(color_scheme=scheme)
    bea.goto("/review/")
    check(bea)
    bea.goto(f"/review/tasks/{task.pk}/")
    check(bea)

    bea.keyboard.press("c")
    expect(bea.get_by_role("button", name="Approve")).to_be_visible()
    bea.get_by_text("Why you see this").click()
    check(bea)
    bea.get_by_label("Amount").fill("much")
    bea.keyboard.press("Control+Enter")
    expect(bea.get_by_text("Give a number")).to_be_visible()
    troubles.clear()
    check(bea)
    bea.get_by_label("Amount").fill("45")
    bea.keyboard.press("Escape")
    bea.keyboard.press("x")
    expect(bea.get_by_text("Escalate: what should they know?")).to_be_visible()
    check(bea)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_of_what_was_decided_and_of_a_blind_seat(
    bea: Page, task: Task, scheme: Literal["light", "dark"]
) -> None:
    bea.emulate_media(color_scheme=scheme)
    Seat.objects.filter(task=task).update(blind=True)
    bea.goto(f"/review/tasks/{task.pk}/")
    check(bea)
    world.decided(task, "ben", "corrected", output=world.LUNCH | {"amount": 43})
    bea.reload()
    expect(bea.get_by_role("heading", name="Ben")).to_be_visible()
    check(bea)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_refusals_can_be_read_and_lead_on(
    bea: Page, task: Task, scheme: Literal["light", "dark"], troubles: list[str]
) -> None:
    bea.emulate_media(color_scheme=scheme)
    refused = {"/cases/999999/": 404, f"/workflows/{task.case.workflow.slug}/migrate/": 403}
    for path, status in refused.items():
        answer = bea.goto(path)
        assert answer
        assert answer.status == status
        check(bea)
        expect(bea.get_by_role("link", name="Back to the start")).to_be_visible()
    troubles.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_empty_pages_can_be_read_and_say_what_comes_here(
    page: Page, task: Task, sign_in: Callable[[User], None], scheme: Literal["light", "dark"]
) -> None:
    """Carl is of another team: nothing is his."""
    sign_in(world.person("carl"))
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 640})
    for name in ("home", "review:queue", "cases", "incidents", "workflows", "insights"):
        page.goto(reverse(name))
        check(page)
        expect(page.locator(".empty p")).not_to_be_empty()
        assert page.evaluate("document.documentElement.scrollWidth") == 320, name
