"""The pictures of the tour: the script takes one of every page, light and dark."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import resolve
from PIL import Image
from playwright.sync_api import Page

from orchestrator.models import Workflow
from tests.browser.pictures import FOLDER, MOST_BYTES, SCHEMES, take
from tests.browser.places import ASIDE, PLACES
from tests.orchestrator.test_pages_matrix import KNOWN

TOUR = settings.BASE_DIR / "docs/tour.md"
NAMES = {f"{place.name}-{scheme}.png" for place in PLACES for scheme in SCHEMES}

ELSEWHERE: Final = {
    "attachment": "a file",
    "review:history": "a part of the task's page",
    "review:download": "a file",
    "review:progress": "a part of the exports page",
    "api:openapi": "a document for programs",
    "healthz": "for programs",
    "readyz": "for programs",
    "metrics": "for programs",
}
"""Addresses that answer a GET with something else than a page, and what it is. Those that only
lead on answer with no 200; the admin's other pages have the frame of those that are visited.
"""


@pytest.mark.timeout(240)
def test_every_page_is_taken_light_and_dark(
    page: Page,
    lively: Workflow,
    sign_in: Callable[[User], None],
    tmp_path: Path,
    troubles: list[str],
) -> None:
    taken = list(take(page, sign_in, Path(os.environ.get(FOLDER, tmp_path))))

    assert {file.name for file in taken} == NAMES
    assert troubles == []
    for file in taken:
        assert file.stat().st_size <= MOST_BYTES, file.name
        with Image.open(file) as image:
            assert image.size == (1280, 800)
            assert len(image.getcolors(256) or ()) > 8, f"{file.name} is empty"
            ground = image.convert("L").getpixel((2, 400))
            assert isinstance(ground, int | float)
            assert (ground > 128) == file.name.endswith("-light.png"), file.name
    paths = [urlsplit(place.at()).path for place in (*PLACES, *ASIDE)]
    visited = {resolve(path).view_name for path in paths}
    assert visited >= pages() - ELSEWHERE.keys()
    assert not visited & ELSEWHERE.keys()


def pages() -> set[str]:
    """The names of all addresses that show something to somebody, but those of the admin."""
    return {
        name for name, (method, roles) in KNOWN.items() if method == "GET" and 200 in roles.values()
    }


def test_the_tour_shows_every_picture_and_no_other() -> None:
    shown = set(re.findall(r"img/([\w-]+\.png)", TOUR.read_text()))

    assert shown == NAMES
    assert {file.name for file in (TOUR.parent / "img").glob("*-*.png")} >= shown
