"""The pictures of the tour: the script takes one of every page, light and dark."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page

from orchestrator.models import Workflow
from tests.browser.pictures import FOLDER, MOST_BYTES, SCHEMES, take
from tests.browser.places import PLACES

TOUR = settings.BASE_DIR / "docs/tour.md"
NAMES = {f"{place.name}-{scheme}.png" for place in PLACES for scheme in SCHEMES}


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


def test_the_tour_shows_every_picture_and_no_other() -> None:
    shown = set(re.findall(r"img/([\w-]+\.png)", TOUR.read_text()))

    assert shown == NAMES
    assert {file.name for file in (TOUR.parent / "img").glob("*-*.png")} >= shown
