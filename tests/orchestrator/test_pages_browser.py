"""The core's pages in a real browser: light, dark and narrow, with no serious axe problem."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Case, Incident, Task, Workflow
from tests import world
from tests.browser.test_accessibility import check


@pytest.fixture
def place(transactional_db: None) -> Workflow:
    return world.workflow()


@pytest.fixture
def task(place: Workflow) -> Task:
    """One that was corrected, beside one that waits."""
    world.in_review(place, key="waits")
    task = world.in_review(place, key="corrected", confidence=0.5, latency_ms=320)
    world.decided(task, "bea", "corrected", output={**world.LUNCH, "amount": 33.5}, comment="Less.")
    return task


@pytest.fixture
def incident(place: Workflow) -> Incident:
    broken = world.in_review(place, key="broken")
    with acting(broken.case_id) as act:
        return open_incident(act, locked_task(act, broken.pk), "nobody", "Nobody is there.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_can_be_read_by_everybody(
    page: Page,
    task: Task,
    incident: Incident,
    sign_in: Callable[[User], None],
    scheme: Literal["light", "dark"],
) -> None:
    sign_in(world.person("dora"))
    page.emulate_media(color_scheme=scheme)
    for path in (
        "/",
        "/cases/",
        f"/cases/{task.case_id}/",
        "/workflows/",
        "/workflows/expenses/",
        "/incidents/",
    ):
        page.goto(path)
        for summary in page.locator("details > summary").all():
            summary.click()
        check(page)


def test_no_page_is_wider_than_a_telephone(
    page: Page, task: Task, incident: Incident, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("dora"))
    page.set_viewport_size({"width": 320, "height": 700})
    for path in ("/", "/cases/", f"/cases/{task.case_id}/", "/workflows/expenses/", "/incidents/"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, path


def test_lea_cancels_a_case_in_its_sheet(
    page: Page, incident: Incident, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("lea"))
    page.goto(f"/cases/{incident.task.case_id}/")

    page.get_by_role("button", name="Cancel the case").first.click()
    page.locator(":popover-open").get_by_label("Reason").fill("Sent twice.")
    page.keyboard.press("Enter")

    expect(page.get_by_text("is cancelled.")).to_be_visible()
    assert Case.objects.get(pk=incident.task.case_id).state == "cancelled"


def test_bea_starts_reviewing_by_one_key(
    page: Page, task: Task, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("bea"))
    page.goto("/")

    page.keyboard.press("c")

    expect(page.get_by_role("button", name="Approve")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_home_of_each_role_can_be_read_by_everybody(
    page: Page,
    task: Task,
    incident: Incident,
    sign_in: Callable[[User], None],
    scheme: Literal["light", "dark"],
) -> None:
    world.claimed(Task.objects.get(case__key="waits"), "bea")
    engine.halt(incident.task.case.workflow, actor=world.actor("lea"), reason="A look.")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 320, "height": 700})
    for name in ("bea", "lea", "alice", "cara", "dora"):
        sign_in(world.person(name))
        page.goto("/")
        expect(page.get_by_role("heading", name=f"Hello {name.title()}")).to_be_visible()
        check(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 320, name


def test_the_map_leads_to_the_step_by_keyboard(
    page: Page, task: Task, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("bea"))
    page.goto("/workflows/expenses/")

    page.get_by_role("link", name=re.compile("^Read the receipt")).focus()
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("#step-read$"))
    expect(page.locator("#step-read")).to_be_in_viewport()


def test_the_lanes_stay_where_the_map_is_scrolled(
    page: Page, task: Task, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("bea"))
    page.set_viewport_size({"width": 360, "height": 700})
    page.goto("/workflows/expenses/")

    page.locator(".map-scroll").evaluate("scroll => { scroll.scrollLeft = 200 }")

    box = page.locator(".map-lanes").bounding_box()
    assert box
    assert box["x"] >= 0


def test_lea_gives_a_claimed_seat_back(
    page: Page, task: Task, sign_in: Callable[[User], None]
) -> None:
    world.claimed(Task.objects.get(case__key="waits"), "bea")
    sign_in(world.person("lea"))
    page.goto("/")

    page.get_by_role("button", name="Give back waits").click()

    expect(page.get_by_text("waits waits for Expense reviewers again.")).to_be_visible()
    expect(page.get_by_role("heading", name="Who is on what")).to_have_count(0)
