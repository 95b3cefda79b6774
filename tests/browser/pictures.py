"""Pictures of every page, light and dark, as docs/tour.md shows them.

`make pictures` takes them of the demo that the browser tests have.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Literal

from django.contrib.auth.models import User
from PIL import Image
from playwright.sync_api import Page

from orchestrator import jobs, lifesigns
from tests.browser.places import PLACES, Place

Scheme = Literal["light", "dark"]

SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")
MOST_BYTES: Final = 150_000
FOLDER: Final = "PICTURES"
"""The variable by which the test is told where the pictures go."""

BROKEN: Final = """[...document.images]
    .filter(one => one.complete && !one.naturalWidth).map(one => one.src)"""


def take(page: Page, sign_in: Callable[[User], None], folder: Path) -> Iterator[Path]:
    """A picture of each place in each scheme. Raises AssertionError where a page is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(reduced_motion="reduce")
    who = ""
    for place in PLACES:
        if place.who != who:
            enter(page, sign_in, place.who)
            who = place.who
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            opened(page, place)
            file = folder / f"{place.name}-{scheme}.png"
            file.write_bytes(small(page.screenshot()))
            yield file


def enter(page: Page, sign_in: Callable[[User], None], who: str) -> None:
    """Be somebody of the demo, or nobody."""
    page.context.clear_cookies()
    if who:
        sign_in(User.objects.get(username=who))


def opened(page: Page, place: Place) -> None:
    beat()
    answer = page.goto(place.at(), wait_until="networkidle")
    assert answer
    assert answer.ok, (place.name, answer.status)
    assert page.evaluate(BROKEN) == [], place.name


def beat() -> None:
    """Report as the processes of a running site do: no page says that nobody works."""
    lifesigns.report(lifesigns.TIMERS)
    jobs.report()
    jobs.measure()


def small(picture: bytes) -> bytes:
    """The same picture in as many colours as its size allows."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    found = b""
    for colours in (256, 128, 64, 32):
        drawn = io.BytesIO()
        few = image.quantize(colours, dither=Image.Dither.NONE)
        few.save(drawn, "PNG", optimize=True)
        found = drawn.getvalue()
        if len(found) <= MOST_BYTES:
            break
    return found
