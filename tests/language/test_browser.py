"""German words are longer: every page still fits, wide and on a telephone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests import world
from tests.language.conftest import Office, furnished

WIDTHS: Final = (320, 1280)
# Words that are cut off where nothing may be: buttons, pills, headings, labels, table heads.
CUT: Final = """() => [...document.querySelectorAll(
    "main .btn, main .pill, main h1, main h2, main h3, main label > span, main th, .nav a")]
    .filter((one) => one.getClientRects().length && !one.closest(".hide, :popover-open, [popover]")
        && !one.matches(".truncate, .hide") && one.scrollWidth > one.clientWidth + 1
        && getComputedStyle(one).display !== "inline" && getComputedStyle(one).overflowX !== "auto")
    .map((one) => one.className + ": " + one.textContent.trim().slice(0, 60))"""


@pytest.fixture
def german(page: Page, live_server: LiveServer) -> Page:
    cookie = {"name": settings.LANGUAGE_COOKIE_NAME, "value": "de", "url": live_server.url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]
    return page


@pytest.fixture
def office(transactional_db: None) -> Office:
    return furnished()


@pytest.mark.parametrize("width", WIDTHS)
def test_no_german_page_is_wider_than_the_screen(
    german: Page, office: Office, sign_in: Callable[[User], None], width: int
) -> None:
    german.set_viewport_size({"width": width, "height": 900})
    for name in ("bea", "dora"):
        sign_in(world.person(name))
        for page, url in office.pages().items():
            german.goto(url)
            _keep(german, f"{page}-{name}-{width}")
            assert german.evaluate("document.documentElement.scrollWidth") <= width, page
            assert german.evaluate(CUT) == [], page


def test_scripts_speak_german_too(
    german: Page, office: Office, sign_in: Callable[[User], None]
) -> None:
    sign_in(world.person("bea"))
    german.goto(office.pages()["task"])

    german.get_by_label("Merchant").fill("Anders")
    german.get_by_label("Amount").fill("")

    expect(german.locator("[data-changes]")).to_have_text("2 Änderungen")
    expect(german.locator("[data-was]:visible").first).to_contain_text("war")


def _keep(page: Page, name: str) -> None:
    """A picture for whoever wants to look: LANGUAGE_PICTURES names a folder."""
    if folder := os.environ.get("LANGUAGE_PICTURES"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
