"""The map: whatever the definition, boxes stand apart and lines run between them."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.workflow_map import Box, Drawing, Lane, Line, Place, Way, draw
from orchestrator.workflow_map.ranks import ranks
from orchestrator.workflow_map.shapes import LETTER, rounded, wrapped

LANES = [
    Lane("agent", "reader", "agent"),
    Lane("people", "Refund reviewers", "people"),
    Lane("leads", "Refund leads", "people"),
    Lane("system", "ledger", "system"),
]
LABELS = ["", "rejected", "amount is above 1000 and more", "otherwise"]

Rect = tuple[float, float, float, float]


def chain(length: int) -> tuple[list[Place], list[Way]]:
    """Thirty steps as a long workflow has them: branches, a loop, ways that skip, rejections."""
    keys = [f"step-{number}" for number in range(length)]
    places = [
        Place(
            key,
            f"Step {number} with a longer name of its own",
            LANES[(number * 7) % 4].key,
            asks=("people", "leads") if (number * 7) % 4 == 0 and number % 3 else (),
        )
        for number, key in enumerate(keys)
    ]
    ways = [Way(one, other) for one, other in pairwise(keys)]
    ways += [Way(keys[n], keys[-1], "rejected", dashed=True) for n in range(0, length - 2, 4)]
    ways += [Way(keys[n], keys[n + 3], "amount is above 1000 and more") for n in range(1, 24, 5)]
    return places, [*ways, Way(keys[12], keys[8], "once more")]


def branching() -> tuple[list[Place], list[Way], list[frozenset[str]]]:
    """Thirty steps with two forks, a for-each in one of them, an undoing and a way back."""
    keys = [f"s{number}" for number in range(30)]
    parting = {3, 12, 14, 16, 22, 26, 29}
    places = [
        Place(
            key,
            f"Step {number} with a longer name",
            LANES[number % 4].key,
            note="waits for paid, 14 d" if number % 5 == 1 else "",
            diamond=number in parting,
        )
        for number, key in enumerate(keys)
    ]
    main = [(n, n + 1) for n in range(28) if n not in (6, 9, 18, 20)]
    # s3 opens three branches up to s12, s14 two up to s22; the second holds a for-each.
    ways = [Way(keys[a], keys[b]) for a, b in main]
    ways += [Way("s3", "s7"), Way("s3", "s10"), Way("s6", "s12"), Way("s9", "s12")]
    ways += [Way("s14", "s19"), Way("s18", "s22"), Way("s20", "s22", "in time")]
    ways += [Way("s5", "s29", look="undo"), Way("s17", "s4", "sent back", look="back")]
    branches = [
        *(frozenset(keys[a:b]) for a, b in ((4, 7), (7, 10), (10, 12), (15, 19), (19, 21))),
    ]
    return places, ways, branches


@st.composite
def definitions(draw_: st.DrawFn) -> tuple[list[Place], list[Way]]:
    keys = [f"s{number}" for number in range(draw_(st.integers(1, 30)))]
    lane, asks = st.sampled_from([lane.key for lane in LANES]), st.sampled_from(["people", "leads"])
    places = []
    for key in keys:
        here, diamond = draw_(lane), draw_(st.booleans())
        asked = set() if diamond else draw_(st.sets(asks, max_size=2)) - {here}
        note = draw_(st.sampled_from(["", "3 d"]))
        places.append(Place(key, f"Step {key}", here, tuple(sorted(asked)), note, diamond))
    pairs = st.sets(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=60)
    looks = st.sampled_from(["", "", "", "back", "undo"])
    ways = [
        Way(*pair, draw_(st.sampled_from(LABELS)), look=draw_(looks))
        for pair in sorted(draw_(pairs))
    ]
    return places, ways


def rect(box: Box) -> Rect:
    return (box.x, box.y, box.right, box.bottom)


def label_rect(line: Line) -> Rect:
    right = line.label_x + len(line.label) * LETTER
    return (line.label_x, line.label_y - 9, right, line.label_y)


def overlap(one: Rect, other: Rect) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def pieces(drawing: Drawing) -> list[tuple[str, Rect]]:
    """Every piece of every line as a thin rectangle, with what it belongs to."""
    return [
        (name, (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])))
        for name, points in [
            *((f"{line.way.source}>{line.way.target}", line.points) for line in drawing.lines),
            *(("spine", points) for points in drawing.spines),
        ]
        for a, b in pairwise(points)
    ]


def check(drawing: Drawing) -> None:
    standing = [*drawing.boxes, *drawing.desks]
    things = [rect(box) for box in standing]
    parting = {box.key: rect(box) for box in drawing.boxes if box.diamond}
    for one, other in combinations(things, 2):
        assert not overlap(one, other)
    for x1, y1, x2, y2 in things:
        assert x1 >= 0
        assert y1 >= 0
        assert x2 <= drawing.width
        assert y2 <= drawing.height
    for name, (x1, y1, x2, y2) in pieces(drawing):
        assert x1 == x2 or y1 == y2, f"{name} is not level"
        inner = (x1 - 0.5, y1 - 0.5, x2 + 0.5, y2 + 0.5)
        for thing in things:
            if thing == parting.get(name.partition(">")[0]):
                continue  # It leaves the edge of a diamond, inside the corner of its box.
            shrunk = (thing[0] + 1, thing[1] + 1, thing[2] - 1, thing[3] - 1)
            assert not overlap(inner, shrunk), f"{name} crosses a box"
        assert x1 >= 0
        assert y1 >= 0
        assert x2 <= drawing.width
        assert y2 <= drawing.height
    labels = [label_rect(line) for line in drawing.lines if line.label]
    for label in labels:
        assert not any(overlap(label, thing) for thing in things)
    for one, other in combinations(labels, 2):
        assert not overlap(one, other)
    check_lines_apart(drawing)


def check_lines_apart(drawing: Drawing) -> None:
    """No two lines lie on each other, but those that join before the same step."""
    found = [piece for piece in pieces(drawing) if piece[0] != "spine"]
    for (one, a), (other, b) in combinations(found, 2):
        if one.split(">")[1] == other.split(">")[1]:
            continue
        along = (
            a[0] == a[2] == b[0] == b[2] and a[1] < b[3] and b[1] < a[3],
            a[1] == a[3] == b[1] == b[3] and a[0] < b[2] and b[0] < a[2],
        )
        assert not any(along), f"{one} lies on {other}: {a} {b}"


def test_thirty_steps_are_drawn_without_overlaps() -> None:
    drawing = draw(LANES, *chain(30))

    check(drawing)
    assert len(drawing.boxes) == 30
    assert len(drawing.bands) == 4


def test_thirty_steps_with_branches_are_drawn_without_overlaps() -> None:
    places, ways, branches = branching()

    drawing = draw(LANES, places, ways, branches)

    check(drawing)
    assert len(drawing.boxes) == 30
    boxes = {box.key: box for box in drawing.boxes}
    assert boxes["s29"].x > boxes["s5"].x
    assert boxes["s29"].y != boxes["s5"].y


def test_a_branch_that_stands_by_itself_has_a_frame() -> None:
    places = [Place(key, key, "agent") for key in "abcd"]
    ways = [Way("a", "b"), Way("b", "c"), Way("c", "d")]

    whole = draw(LANES[:1], places, ways, [frozenset("bc")])
    torn = draw(LANES[:1], places, ways, [frozenset("bd")])

    (frame,) = whole.frames
    inside = [box.key for box in whole.boxes if frame.holds(box)]
    assert inside == ["b", "c"]
    assert torn.frames == []


def test_a_way_back_moves_no_step_to_the_right() -> None:
    places = [Place(key, key, "agent") for key in "abc"]
    ways = [Way("a", "b"), Way("a", "c"), Way("c", "b", look="back")]

    boxes = {box.key: box for box in draw(LANES[:1], places, ways).boxes}

    assert boxes["b"].x == boxes["c"].x


@given(definitions())
def test_no_definition_makes_boxes_overlap_or_lines_cross_them(
    definition: tuple[list[Place], list[Way]],
) -> None:
    check(draw(LANES, *definition))


def test_a_step_stands_right_of_all_that_lead_to_it_but_for_loops() -> None:
    ways = [Way("a", "b"), Way("b", "c"), Way("a", "c"), Way("c", "b"), Way("c", "c")]

    assert ranks(["a", "b", "c"], ways) == {"a": 0, "b": 1, "c": 2}


def test_a_thousand_steps_in_a_row_are_no_trouble() -> None:
    keys = [f"s{number}" for number in range(1000)]

    found = ranks(keys, [Way(one, other) for one, other in pairwise(keys)])

    assert found["s999"] == 999


def test_the_main_way_is_a_straight_line() -> None:
    places = [Place("a", "A", "agent"), Place("b", "B", "agent"), Place("c", "C", "agent")]

    drawing = draw(LANES[:1], places, [Way("a", "b"), Way("b", "c"), Way("a", "c", "rejected")])

    straight = [line for line in drawing.lines if len(line.points) == 2]
    assert [line.way.target for line in straight] == ["b", "c"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Read", ["Read"]),
        ("Read the request", ["Read the", "request"]),
        ("Enter it in the ledger at once", ["Enter it", "in the le…"]),
        ("Donaudampfschifffahrt", ["Donaudamp…"]),
    ],
)
def test_a_name_is_wrapped_and_cut(text: str, lines: list[str]) -> None:
    assert wrapped(text, 10) == lines


def test_corners_are_round() -> None:
    assert rounded([(0, 0), (20, 0), (20, 4)]) == "M0 0L14 0Q20 0 20 2L20 4"
