"""Incidents and migrations in a real browser: with keys and mouse, without JavaScript, for axe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from orchestrator import engine
from orchestrator.models import Bulk, Incident, Workflow
from tests import world
from tests.browser.test_accessibility import check
from tests.orchestrator.flows import answered, asked, begun, definition, published
from tests.orchestrator.troubles import done_to_many, undoable, worked

SignIn = Callable[[User], None]


@pytest.fixture
def place(transactional_db: None) -> Workflow:
    place = undoable()
    for number in range(3):
        case = begun(place, {"text": f"Receipt {number}"}, f"receipt-{number}")
        answered(case, "book")
    worked()
    return place


@pytest.fixture
def incident(place: Workflow) -> Incident:
    return Incident.objects.latest("pk")


def no_wider_than_the_screen(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 320, page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_page_can_be_read_by_everybody(
    page: Page, incident: Incident, sign_in: SignIn, scheme: Literal["light", "dark"]
) -> None:
    bulk = engine.resolve_many(
        "skip_incidents", [incident.pk], actor=world.actor("bea"), reason="x"
    )
    done_to_many()
    published(definition([asked("book"), asked("more")], "book more", "more done"))
    plan = "?from=1&to=2&step.book=book&run=1"
    sign_in(world.person("dora"))
    page.emulate_media(color_scheme=scheme)
    for path in (
        "/incidents/",
        f"/incidents/?group={incident.fingerprint}",
        reverse("hand_over", args=[incident.pk]),
        reverse("edit_input", args=[incident.pk]),
        reverse("bulk", args=[bulk.pk]),
        f"/workflows/flow/migrate/{plan}",
    ):
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(path)
        check(page)
        no_wider_than_the_screen(page)


def test_a_cause_is_tried_again_and_the_page_follows_it(
    page: Page, incident: Incident, sign_in: SignIn
) -> None:
    sign_in(world.person("lea"))
    page.goto("/incidents/")
    page.get_by_role("link", name="3 incidents").click()
    page.get_by_label("Choose receipt-0").check()
    page.get_by_label("Choose receipt-2").check()
    page.locator("#many").get_by_role("button", name="Try again").click()

    expect(page.locator("#progress")).to_contain_text("0 of 2")
    done_to_many()

    expect(page.locator("#progress")).to_contain_text("2 of 2")
    expect(page.get_by_role("heading", name="Finished")).to_be_visible()
    assert list(
        Incident.objects.filter(state="open").values_list("task__case__key", flat=True)
    ) == ["receipt-1"]


def test_without_javascript_steps_are_skipped_with_a_reason(
    browser: Browser, page: Page, live_server: LiveServer, incident: Incident, sign_in: SignIn
) -> None:
    sign_in(world.person("lea"))
    with browser.new_context(base_url=live_server.url, java_script_enabled=False) as context:
        context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        plain = context.new_page()
        plain.goto("/incidents/")
        plain.get_by_label("All 3 that fit, on every page").check()
        plain.locator("#many").get_by_role("button", name="Skip").click()
        plain.locator("#many-skip").get_by_label("Reason").fill("Booked by hand.")
        plain.get_by_role("button", name="Skip them").click()
        done_to_many()
        plain.get_by_role("link", name="Refresh").click()

        expect(plain.locator("#progress")).to_contain_text("3 of 3")

    assert Bulk.objects.get().params == {"reason": "Booked by hand."}
    assert set(Incident.objects.values_list("resolution", flat=True)) == {"skipped"}
