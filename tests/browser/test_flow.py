"""Steps that lead the flow, in a real browser: a map of thirty steps, a signal by hand, a row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from playwright.sync_api import Page, expect

from orchestrator.definitions import import_draft
from orchestrator.models import Case, Step
from tests import world
from tests.browser.test_accessibility import serious
from tests.orchestrator.flows import asked, begun, definition, published, step, task_of
from tests.orchestrator.test_flow_paper import FILE

SignIn = Callable[[User], None]

TABLE = {"rows": [{"when": {"fact": "case/sum", "op": "gt", "value": 9}, "output": 1},
                  {"output": 2}]}  # fmt: skip
# Every shape on the map with the box around it, and every text with the node that it stands in.
DRAWN = """() => {
    const box = one => {
        const at = one.getBoundingClientRect();
        return [at.left, at.top, at.right, at.bottom];
    };
    const frame = document.querySelector('.map-drawing');
    return {
        frame: box(frame),
        shapes: [...frame.querySelectorAll('.map-node')].map(node =>
            box(node.querySelector(':scope > :is(polygon, rect:not(.map-behind))'))),
        texts: [...frame.querySelectorAll('.map-node')].flatMap(node => {
            const shape = node.querySelector(':scope > :is(polygon, rect:not(.map-behind))');
            return [...node.querySelectorAll('.map-name, .map-note')].map(text =>
                [text.textContent, box(text), box(shape)]);
        }),
        ways: [...frame.querySelectorAll('.map-line, .map-spine')].map(box),
    };
}"""


def thirty() -> str:
    """Two forks, one with a for-each in it, waits, a table, an undoing, a way back."""
    steps: list[dict[str, Any]] = [
        asked("a1", name="Take the order down", compensated_by="undo"),
        step("a2", "decision", name="Which zone is it in", schema={"type": "integer"}, flow=TABLE),
        asked("a3", rework={"to": ["a1"]}),
        step("f1", "fork", name="Prepare everything", flow={"join": "j1"}),
        *(asked(f"b{number}") for number in range(1, 6)),
        step("b6", "event", name="The customer pays", flow={"signal": "paid", "within": "14d"}),
        step("j1", "join", name="Everything is prepared"),
        *(asked(f"c{number}") for number in range(1, 4)),
        step("rest", "timer", name="Let it rest", flow={"after": "90m", "working": True}),
        step("f2", "fork", name="Send and tell", flow={"join": "j2"}),
        asked("d1"),
        step("each", "for_each", name="Each of the lines",
             flow={"items": "/lines", "join": "all", "collect": "/sent"}),
        asked("e1"),
        asked("e2"),
        step("all", "join", name="All of the lines"),
        asked("d2"),
        step("j2", "join", name="All is sent"),
        *(asked(f"g{number}") for number in range(1, 5)),
        step("lost", "end", outcome="lost"),
        asked("undo", name="Take the order back"),
    ]  # fmt: skip
    ways: list[Any] = [
        "a1 a2", "a2 a3", "a3 f1",
        "f1 b1", "b1 b2", "b2 j1", "f1 b3", "b3 b4", "b4 b5", "b5 j1", "f1 b6", "b6 j1",
        ("j1 lost", {"fact": "rejected", "op": "gt", "value": 0}), "j1 c1",
        "c1 c2", "c2 c3", "c3 rest", "rest f2",
        "f2 d1", "d1 d2", "d2 j2", "f2 each", "each e1", "e1 e2", "e2 all", "all j2",
        "j2 g1", "g1 g2", "g2 g3", "g3 g4", "g4 done",
    ]  # fmt: skip
    data = {
        "type": "object",
        "properties": {"sum": {"type": "number"}, "lines": {"type": "array"}},
    }
    return definition(steps, *ways, data=data)


@pytest.fixture
def alice(page: Page, sign_in: SignIn, transactional_db: None) -> Page:
    world.people()
    sign_in(world.person("alice"))
    return page


def apart(one: list[float], other: list[float]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_map_of_thirty_steps_can_be_read(alice: Page, scheme: Any, troubles: list[str]) -> None:
    place = published(thirty())
    begun(place, {"sum": 1, "lines": []})
    assert place.published_version
    assert place.published_version.steps.count() == 30
    alice.emulate_media(color_scheme=scheme)
    alice.goto("/workflows/flow/")

    drawn = alice.evaluate(DRAWN)

    assert len(drawn["shapes"]) == 30
    for one, other in combinations(drawn["shapes"], 2):
        assert apart(one, other)
    left, top, right, bottom = drawn["frame"]
    for x1, y1, x2, y2 in drawn["ways"]:
        assert left <= x1 <= x2 <= right
        assert top <= y1 <= y2 <= bottom
    for text, inner, outer in drawn["texts"]:
        assert outer[0] <= inner[0] <= inner[2] <= outer[2], text
        assert outer[1] <= inner[1] <= inner[3] <= outer[3], text
    found = serious(alice)
    alice.goto("about:blank")
    troubles[:] = [trouble for trouble in troubles if "'url': ''" not in trouble]
    assert found == []


def test_the_pages_of_the_flow_fit_a_telephone(alice: Page) -> None:
    case = begun(published(FILE), {"country": "DE", "lines": [{"name": "tea"}, {"name": "cup"}]})
    draft = import_draft(FILE)
    alice.set_viewport_size({"width": 320, "height": 640})
    pages = [
        "/",
        "/workflows/orders/",
        reverse("case", args=[case.pk]),
        reverse("bring_signal", args=[case.pk]),
        reverse("admin:orchestrator_workflowversion_change", args=[draft.pk]),
        *(reverse("admin:orchestrator_step_change", args=[row.pk]) for row in draft.steps.all()),
        reverse("admin:orchestrator_step_entry_add", args=[draft.steps.get(key="zone").pk, "rows"]),
    ]

    wide = []
    for address in pages:
        alice.goto(address)
        if (width := alice.evaluate("document.documentElement.scrollWidth")) > 320:
            wide.append(f"{address} is {width} px wide")

    assert wide == []


def test_a_signal_is_brought_from_the_page_of_the_case(alice: Page, troubles: list[str]) -> None:
    case: Case = begun(published(FILE), {"country": "DE", "lines": []})
    alice.goto(reverse("case", args=[case.pk]))
    panel = alice.locator("section", has=alice.get_by_role("heading", name="Bring a signal"))
    panel.get_by_label("Signal").select_option("paid")
    panel.get_by_role("button", name="Bring it").click()
    alice.get_by_label("Amount").fill("much")
    alice.get_by_role("button", name="Bring it").last.click()
    expect(alice.get_by_label("Amount")).to_have_value("much")
    troubles.clear()  # the refusal

    alice.get_by_label("Amount").fill("9")
    alice.get_by_role("button", name="Bring it").last.click()

    expect(alice.get_by_text("The signal paid is taken.")).to_be_visible()
    assert task_of(case, "payment").output == {"amount": 9}


def test_a_row_of_a_table_is_written_with_the_condition_editor(alice: Page) -> None:
    zone = import_draft(FILE).steps.get(key="zone")
    alice.goto(reverse("admin:orchestrator_step_change", args=[zone.pk]))
    alice.locator("#rows").get_by_role("link", name="Add").click()
    alice.get_by_label("Value").first.select_option("far")
    line = alice.locator(".clause").first
    line.get_by_label("Fact", exact=True).select_option("case/country")
    line.get_by_label("Comparison").select_option("eq")
    line.locator("[name$='-value']").fill("US")
    alice.get_by_role("button", name="Save").click()

    expect(alice.locator("#rows")).to_contain_text('case country is "US"')
    rows = Step.objects.get(pk=zone.pk).flow["rows"]
    assert rows[2] == {"when": {"fact": "case/country", "op": "eq", "value": "US"}, "output": "far"}
