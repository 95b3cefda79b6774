"""Every page, for everybody: axe in light and dark, the keyboard alone, 320 px, no motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from tests.browser.pictures import Scheme, enter, opened
from tests.browser.places import ASIDE, PLACES, Place
from tests.browser.test_accessibility import serious

pytestmark = [pytest.mark.timeout(240), pytest.mark.usefixtures("lively")]

SignIn = Callable[[User], None]

# Of radio buttons with one name a browser stops at one; what lies in a closed detail, a popover
# or below `inert` is not there.
STOPS = """() => {
    const all = 'a[href], button, input, select, textarea, summary, [tabindex]';
    const groups = new Set();
    window.wanted = [...document.querySelectorAll(all)].filter(one => {
        if (one.matches(':disabled') || one.tabIndex < 0 || one.type === 'hidden') return false;
        if (!one.checkVisibility({visibilityProperty: true})) return false;
        if (one.closest('[inert]')) return false;
        if (one.type !== 'radio') return true;
        const group = one.form?.id + one.name;
        return !groups.has(group) && groups.add(group);
    });
    return window.wanted.length;
}"""

MISSED = """(window.wanted ?? []).filter(one => !(window.stops ?? []).includes(one)
    && !(one.type === 'radio' && window.stops.some(stop => stop.name === one.name)))
    .map(one => one.outerHTML.slice(0, 160))"""

# The element that has the focus: a number of its own, and whether one sees that.
FOCUS = """() => {
    const one = document.activeElement;
    if (!one || one === document.body) return null;
    window.stops ??= [];
    if (!window.stops.includes(one)) window.stops.push(one);
    const style = getComputedStyle(one);
    const near = one.parentElement ? getComputedStyle(one.parentElement) : style;
    const seen = [style, near].some(look =>
        (look.outlineStyle !== 'none' && parseFloat(look.outlineWidth) > 0)
        || look.boxShadow !== 'none')
        || [...one.querySelectorAll('rect')].some(part =>
            parseFloat(getComputedStyle(part).strokeWidth) > 2);
    return [window.stops.indexOf(one), seen, one.outerHTML.slice(0, 120)];
}"""

MOVES = """() => [...document.querySelectorAll('*')].filter(one => {
    const style = getComputedStyle(one);
    const times = `${style.animationName === 'none' ? '' : style.animationDuration},`
        + style.transitionDuration;
    return times.split(',').some(time =>
        (time.includes('ms') ? 1 : 1000) * parseFloat(time) > 20);
}).slice(0, 3).map(one => one.outerHTML.slice(0, 100))"""


def each(page: Page, sign_in: SignIn) -> Iterator[Place]:
    """Every page in turn, opened by who it is for."""
    who = ""
    for place in (*PLACES, *ASIDE):
        if place.who != who:
            enter(page, sign_in, place.who)
            who = place.who
        opened(page, place)
        yield place


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    page: Page, sign_in: SignIn, scheme: Scheme, troubles: list[str]
) -> None:
    page.emulate_media(color_scheme=scheme)
    found = [
        f"{place.name}: {trouble}" for place in each(page, sign_in) for trouble in serious(page)
    ]
    # What came in by the door for tools tries styles of its own.
    page.goto("about:blank")
    troubles[:] = [trouble for trouble in troubles if "'url': ''" not in trouble]

    assert "\n".join(found) == ""


def test_every_page_fits_a_telephone_and_does_not_move(page: Page, sign_in: SignIn) -> None:
    page.set_viewport_size({"width": 320, "height": 640})
    page.emulate_media(reduced_motion="reduce")
    found = []
    for place in each(page, sign_in):
        if (width := page.evaluate("document.documentElement.scrollWidth")) > 320:
            found.append(f"{place.name} is {width} px wide")
        found += [f"{place.name} moves: {one}" for one in page.evaluate(MOVES)]

    assert "\n".join(found) == ""


def test_the_keyboard_alone_reaches_everything(page: Page, sign_in: SignIn) -> None:
    found = []
    for place in each(page, sign_in):
        found += [f"{place.name}: {trouble}" for trouble in by_keyboard(page)]

    assert "\n".join(found) == ""


def by_keyboard(page: Page) -> list[str]:
    """What Tab does not reach, and where one cannot see the focus."""
    wanted = page.evaluate(STOPS)
    reached: set[int] = set()
    unseen: list[str] = []
    # Twice round: a field that has the focus from the start is in the middle.
    for _ in range(2 * wanted + 10):
        page.keyboard.press("Tab")
        if len(reached) >= wanted:
            break
        if (stop := page.evaluate(FOCUS)) is None:
            continue
        number, seen, text = stop
        if number not in reached and not seen:
            unseen.append(f"no focus is seen on {text}")
        reached.add(number)
    return unseen + [f"not reached: {text}" for text in page.evaluate(MISSED)]
