"""The colour tokens keep the contrasts of WCAG 2.2 AA in both themes."""

from __future__ import annotations

import re
from itertools import product

import pytest
from django.conf import settings

from orchestrator.templatetags.people import TINTS

TOKENS = (settings.BASE_DIR / "static/css/tokens.css").read_text()
COLOURS: dict[str, tuple[str, str]] = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", TOKENS
    )
}
BACKGROUNDS = ("bg", "surface", "raised")
INKS = ("text", "muted", "accent", "ok", "warn", "bad")
TEXT_PAIRS = [
    *product(INKS, BACKGROUNDS),
    *((name, f"{name}-soft") for name in ("accent", "ok", "warn", "bad")),
    *product(["text"], ["accent-soft", "ok-soft", "warn-soft", "bad-soft", "inserted", "deleted"]),
    ("on-accent", "accent"),
    *((f"who-{tint}", f"who-{tint}-soft") for tint in range(TINTS)),
]
CONTROL_PAIRS = [*product(["border-strong", "focus"], ["bg", "surface"]), ("focus", "raised")]


def luminance(colour: str) -> float:
    """The relative luminance of ``#rrggbb``, 0 to 1 (WCAG 2.2)."""
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), TEXT_PAIRS, ids=str)
def test_text_is_readable(ink: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[ink][theme], COLOURS[ground][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), CONTROL_PAIRS, ids=str)
def test_edge_of_a_control_is_seen(edge: str, ground: str, theme: int) -> None:
    assert contrast(COLOURS[edge][theme], COLOURS[ground][theme]) >= 3


def test_no_colour_stands_outside_the_tokens() -> None:
    stray = {
        sheet.name: found
        for sheet in (settings.BASE_DIR / "static/css").glob("*.css")
        if sheet.name != "tokens.css"
        if (found := set(re.findall(r"#[0-9a-fA-F]{3,8}\b", sheet.read_text())) - {"#fff"})
    }

    assert not stray
