"""Diffs: applied to before they give after, whoever applies them; digests; three-way."""

from __future__ import annotations

import hashlib
import json
import time
from decimal import Decimal
from typing import Any

import jsonpatch
import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrator.diffing import (
    Change,
    ThreeWay,
    apply,
    canonical,
    diff,
    digest,
    material,
    patch,
    same,
    three_way,
)
from orchestrator.exceptions import Invalid

keys = st.sampled_from(["a", "b", "", "a/b", "~1", "0", "-"])
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, -0.0, 0.5, 1e21, 2.0**60])
    | st.text("ab\n\u00e9\U0001f600", max_size=2)
)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=16,
)


def reference(document: Any, operations: list[dict[str, Any]]) -> Any:
    """What the jsonpatch library makes of a patch."""
    return jsonpatch.apply_patch(json.loads(json.dumps(document)), operations)


@settings(max_examples=300)
@given(documents, documents)
def test_diff_applied_to_before_gives_after(before: Any, after: Any) -> None:
    operations = patch(diff(before, after))

    assert same(apply(before, operations), after)
    assert same(reference(before, operations), after)


@given(documents, documents)
def test_diff_tells_before_and_after_of_each_change(before: Any, after: Any) -> None:
    changes = diff(before, after)

    assert bool(changes) is not same(before, after)
    assert len({(change.op, change.path) for change in changes}) == len(changes)
    for change in changes:
        assert not same(change.before, change.after) or change.op != "replace"
        assert change.before is None or change.op != "add"
        assert change.after is None or change.op != "remove"


@given(st.lists(st.integers(0, 3), max_size=8), st.lists(st.integers(0, 3), max_size=8))
def test_rows_are_matched_and_not_rewritten_without_need(
    before: list[int], after: list[int]
) -> None:
    changes = diff(before, after)

    assert len(changes) <= max(len(before), len(after))
    assert sum(c.op == "remove" for c in changes) >= len(before) - len(after)


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        (1, 1.0, []),
        (1, True, [Change("", "replace", 1, True)]),
        (0, False, [Change("", "replace", 0, False)]),
        ("1", 1, [Change("", "replace", "1", 1)]),
        (None, {}, [Change("", "replace", None, {})]),
        ([], {}, [Change("", "replace", [], {})]),
        (0.0, -0.0, []),
        ({"a": None}, {}, [Change("/a", "remove", None, None)]),
        ({}, {"a": None}, [Change("/a", "add", None, None)]),
        (
            {"a/b": 1, "~": 2},
            {"a/b": 3, "~": 4},
            [Change("/a~1b", "replace", 1, 3), Change("/~0", "replace", 2, 4)],
        ),
        (
            {"order": {"amount": 5, "note": "x"}},
            {"order": {"amount": 6, "note": "x"}},
            [Change("/order/amount", "replace", 5, 6)],
        ),
        ([1, 2, 3], [1, 3], [Change("/1", "remove", 2, None)]),
        ([1, 3], [1, 2, 3], [Change("/1", "add", None, 2)]),
        ([1, 2, 3, 4], [2, 4], [Change("/2", "remove", 3, None), Change("/0", "remove", 1, None)]),
        ([1, 2], [2, 1], [Change("/0", "remove", 1, None), Change("/1", "add", None, 1)]),
        ([1, 2, 1], [2, 1], [Change("/0", "remove", 1, None)]),
        ([1, 1, 1], [1, 1], [Change("/2", "remove", 1, None)]),
        (
            ["b", "c", "a", "d"],
            ["a", "q", "b", "c", "d", "z"],
            [
                Change("/2", "remove", "a", None),
                Change("/0", "add", None, "a"),
                Change("/1", "add", None, "q"),
                Change("/5", "add", None, "z"),
            ],
        ),
        (
            [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}, {"sku": "c", "n": 3}],
            [{"sku": "b", "n": 2}, {"sku": "c", "n": 4}, {"sku": "d", "n": 1}],
            [
                Change("/0", "remove", {"sku": "a", "n": 1}, None),
                Change("/2", "add", None, {"sku": "d", "n": 1}),
                Change("/1/n", "replace", 3, 4),
            ],
        ),
    ],
)
def test_diff_reads_as_a_person_would_say_it(
    before: Any, after: Any, changes: list[Change]
) -> None:
    assert diff(before, after) == changes


def test_change_and_patch_as_json() -> None:
    changes = diff({"a": 1, "b": 2}, {"b": None, "c": 3})

    assert [change.as_json() for change in changes] == [
        {"path": "/a", "op": "remove", "before": 1, "after": None},
        {"path": "/b", "op": "replace", "before": 2, "after": None},
        {"path": "/c", "op": "add", "before": None, "after": 3},
    ]
    assert patch(changes) == [
        {"op": "remove", "path": "/a"},
        {"op": "replace", "path": "/b", "value": None},
        {"op": "add", "path": "/c", "value": 3},
    ]


def test_large_arrays_are_compared_in_linear_time() -> None:
    before: list[Any] = [{"n": n, "same": n % 7} for n in range(20_000)]
    after = [{"n": n, "same": n % 7} for n in reversed(range(20_000))] + [{"n": -1}]

    started = time.thread_time()
    operations = patch(diff(before, after))

    assert time.thread_time() - started < 5
    assert apply(before[:50], patch(diff(before[:50], after[-50:]))) == after[-50:]
    assert operations


pointers = st.lists(keys | st.sampled_from(["1", "2", "01"]), max_size=3).map(
    lambda parts: "".join("/" + p.replace("~", "~0").replace("/", "~1") for p in parts)
)
operations = st.lists(
    st.fixed_dictionaries(
        {"op": st.sampled_from(["add", "replace", "test"]), "path": pointers, "value": documents}
    )
    | st.fixed_dictionaries({"op": st.just("remove"), "path": pointers})
    | st.fixed_dictionaries(
        {"op": st.sampled_from(["move", "copy"]), "path": pointers, "from": pointers}
    ),
    max_size=4,
)


@given(documents, operations)
def test_apply_agrees_with_the_library_wherever_that_succeeds(
    document: Any, steps: list[dict[str, Any]]
) -> None:
    given_document, given_steps = json.dumps(document), json.dumps(steps)
    try:
        ours = apply(document, steps)
    except Invalid:
        ours = Invalid
    assert (json.dumps(document), json.dumps(steps)) == (given_document, given_steps)

    if ours is not Invalid:
        assert same(ours, reference(document, steps))


@pytest.mark.parametrize(
    ("document", "operation", "result"),
    [
        ({"a": 1}, {"op": "add", "path": "", "value": 2}, 2),
        ({"a": 1}, {"op": "replace", "path": "", "value": [2]}, [2]),
        ([1], {"op": "add", "path": "/-", "value": 2}, [1, 2]),
        ([1], {"op": "add", "path": "/1", "value": 2}, [1, 2]),
        ([1, 3], {"op": "add", "path": "/1", "value": 2}, [1, 2, 3]),
        ({"-": 1}, {"op": "remove", "path": "/-"}, {}),
        ([1, 2], {"op": "remove", "path": "/0"}, [2]),
        ({"a": [1]}, {"op": "replace", "path": "/a/0", "value": None}, {"a": [None]}),
        ({"a": 1}, {"op": "test", "path": "/a", "value": 1.0}, {"a": 1}),
        ({"a": 1}, {"op": "copy", "from": "/a", "path": "/b"}, {"a": 1, "b": 1}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/b"}, {"b": 1}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/a"}, {"a": 1}),
        ([1, 2], {"op": "move", "from": "/0", "path": "/1"}, [2, 1]),
        ({"a": {"b": 1}}, {"op": "move", "from": "/a/b", "path": "/a"}, {"a": 1}),
        (
            {"a": {"b": 1}},
            {"op": "copy", "from": "", "path": "/c"},
            {"a": {"b": 1}, "c": {"a": {"b": 1}}},
        ),
    ],
)
def test_apply_does_what_the_standard_says(document: Any, operation: Any, result: Any) -> None:
    assert apply(document, [operation]) == result


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "spin", "path": ""}, "Choose one of"),
        ({"path": "/a"}, "Choose one of"),
        ({"op": "add", "path": "/x"}, "needs a value"),
        ({"op": "add", "value": 1}, "needs a path"),
        ({"op": "add", "path": 7, "value": 1}, "needs a path"),
        ({"op": "add", "path": "a", "value": 1}, "starts with /"),
        ({"op": "move", "path": "/x"}, "needs a from"),
        ({"op": "move", "from": "/list", "path": "/list/0"}, "into itself"),
        ({"op": "move", "from": "/gone", "path": "/x"}, "nothing at /gone"),
        ({"op": "copy", "from": "/list/3", "path": "/x"}, "nothing at /list/3"),
        ({"op": "remove", "path": ""}, "cannot be removed"),
        ({"op": "remove", "path": "/gone"}, "nothing at /gone"),
        ({"op": "remove", "path": "/list/-"}, "nothing at /list/-"),
        ({"op": "remove", "path": "/list/00"}, "nothing at /list/00"),
        ({"op": "replace", "path": "/a~1b/x", "value": 1}, "nothing at /a~1b/x"),
        ({"op": "test", "path": "/list/0", "value": True}, "another one"),
        ({"op": "test", "path": "/gone", "value": None}, "nothing at /gone"),
        ({"op": "add", "path": "/list/3", "value": 1}, "no place /list/3"),
        ({"op": "add", "path": "/list/x", "value": 1}, "no place /list/x"),
        ({"op": "add", "path": "/list/" + "9" * 5000, "value": 1}, "no place"),
        ({"op": "add", "path": "/list/0/x", "value": 1}, "/list/0 is neither"),
        ({"op": "add", "path": "/gone/x", "value": 1}, "nothing at /gone"),
    ],
)
def test_apply_names_the_operation_that_cannot_be_done(operation: Any, message: str) -> None:
    document = {"list": [1, 2], "a/b": {}}

    with pytest.raises(Invalid) as caught:
        apply(document, [{"op": "test", "path": "/list/1", "value": 2}, operation])

    (problem,) = caught.value.details["problems"]
    assert problem["path"] == "/1"
    assert message in problem["message"]
    assert document == {"list": [1, 2], "a/b": {}}


def test_apply_keeps_patch_and_document_apart_from_the_result() -> None:
    document, value = {"a": [1]}, {"b": [2]}

    result = apply(
        document,
        [
            {"op": "add", "path": "/new", "value": value},
            {"op": "add", "path": "/new/b/-", "value": 3},
            {"op": "copy", "from": "/a", "path": "/copy"},
            {"op": "add", "path": "/copy/-", "value": 4},
        ],
    )

    assert result == {"a": [1], "new": {"b": [2, 3]}, "copy": [1, 4]}
    assert (document, value) == ({"a": [1]}, {"b": [2]})


@pytest.mark.parametrize(
    ("path", "paths", "counts"),
    [
        ("/amount", [], True),
        ("/amount", [""], True),
        ("/amount", ["/amount"], True),
        ("/amount/value", ["/amount"], True),
        ("/amounts", ["/amount"], False),
        ("/note", ["/amount", "/order"], False),
        ("/order", ["/order/amount"], True),
        ("", ["/order/amount"], True),
        ("/items/3/sku", ["/items/-/sku"], True),
        ("/items/3", ["/items/-/sku"], True),
        ("/items/3/note", ["/items/-/sku"], False),
        ("/items/x/sku", ["/items/-/sku"], False),
        ("/a~1b/c", ["/a~1b"], True),
        ("/a/b", ["/a~1b"], False),
    ],
)
def test_material_change(path: str, paths: list[str], counts: bool) -> None:
    change = Change(path, "replace", 1, 2)

    assert material([change], paths) == ([change] if counts else [])


def test_material_refuses_a_malformed_path() -> None:
    with pytest.raises(ValueError, match="starts with /"):
        material([], ["amount"])


@pytest.mark.parametrize(
    ("base", "left", "right", "places"),
    [
        (1, 1.0, 1, [ThreeWay("", 1, 1.0, 1, "same")]),
        (1, 2, 1, [ThreeWay("", 1, 2, 1, "left")]),
        (1, 1, 2, [ThreeWay("", 1, 1, 2, "right")]),
        (1, 2, 2, [ThreeWay("", 1, 2, 2, "both")]),
        (1, 2, 3, [ThreeWay("", 1, 2, 3, "conflict")]),
        (1, True, 1, [ThreeWay("", 1, True, 1, "left")]),
        ({}, {}, {}, [ThreeWay("", {}, {}, {}, "same")]),
        ({}, {"a": 1}, {}, [ThreeWay("/a", None, 1, None, "left")]),
        ({"a": None}, {}, {"a": None}, [ThreeWay("/a", None, None, None, "left")]),
        ({"a": 1}, {}, {}, [ThreeWay("/a", 1, None, None, "both")]),
        (
            [1, 2],
            [1, 3],
            [1, 2],
            [ThreeWay("/0", 1, 1, 1, "same"), ThreeWay("/1", 2, 3, 2, "left")],
        ),
        ([1], [1, 2], [1], [ThreeWay("", [1], [1, 2], [1], "left")]),
        (
            {"a": {"x": 1}},
            {"a": 5},
            {"a": {"x": 1}},
            [ThreeWay("/a", {"x": 1}, 5, {"x": 1}, "left")],
        ),
        (
            {"kind": "a"},
            {"kind": "a", "order": {"n": 1, "t": 2}},
            {"kind": "b", "order": {"n": 1, "t": 3}},
            [
                ThreeWay("/kind", "a", "a", "b", "right"),
                ThreeWay("/order/n", None, 1, 1, "both"),
                ThreeWay("/order/t", None, 2, 3, "conflict"),
            ],
        ),
    ],
)
def test_three_way(base: Any, left: Any, right: Any, places: list[ThreeWay]) -> None:
    assert three_way(base, left, right) == places


@given(documents, documents, documents)
def test_three_way_mirrors_and_agrees_with_same(base: Any, left: Any, right: Any) -> None:
    places = three_way(base, left, right)
    mirrored = {"left": "right", "right": "left"}

    assert {(p.path, mirrored.get(p.state, p.state)) for p in places} == {
        (p.path, p.state) for p in three_way(base, right, left)
    }
    assert len({place.path for place in places}) == len(places)
    if same(left, right):
        assert {place.state for place in places} <= {"same", "both"}
    if same(base, left) and same(base, right):
        assert {place.state for place in places} == {"same"}
    if same(base, right):
        assert {place.state for place in places} <= {"same", "left"}


@given(documents)
def test_canonical_is_what_rfc_8785_wants(document: Any) -> None:
    assert canonical(document) == rfc8785.dumps(document)
    assert digest(document) == hashlib.sha256(rfc8785.dumps(document)).hexdigest()


@given(st.floats(allow_nan=False, allow_infinity=False) | st.floats(1e-9, 1e-3))
@example(1e-6)
@example(-9.5e-6)
@example(1e-7)
@example(1.5e-7)
@example(123456789012345680000.0)
@example(1e21)
@example(-5e-324)
def test_canonical_writes_every_float_as_rfc_8785_does(number: float) -> None:
    assert canonical([number]) == rfc8785.dumps([number])


@given(st.dictionaries(st.text(max_size=2), st.none(), max_size=5))
def test_canonical_sorts_keys_by_their_utf_16_units(document: dict[str, None]) -> None:
    assert canonical(document) == rfc8785.dumps(document)


numbers = (
    st.integers(-(2**64), 2**64)
    | st.integers(2**53 - 2, 2**53 + 2)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([2**60, 2.0**60, 1152921504606847000, 10**21, 1e21, 10**22, 1e22, 10**400])
)


@given(documents | numbers, documents | numbers)
def test_same_digest_means_same_value(left: Any, right: Any) -> None:
    assert (digest(left) == digest(right)) is same(left, right)
    assert same(left, right) is same(right, left)
    assert same(left, left)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (10**21, 1e21, True),
        (2**60, 2.0**60, False),
        (1152921504606847000, 2.0**60, True),
        (2**53 + 1, 2.0**53, False),
        (2**60, 2**60 + 1, False),
        (10**400, float("inf"), False),
        (float("nan"), 1, False),
        (True, 1, False),
        ({"a": [True]}, {"a": [1]}, False),
        ([1, 2], [1], False),
        ([1], (1,), False),
        ({"a": 1}, {"b": 1}, False),
        ("1", 1, False),
    ],
)
def test_same(left: Any, right: Any, equal: bool) -> None:
    assert same(left, right) is equal
    assert same(right, left) is equal


@given(st.integers(-(2**63), 2**63 - 1) | st.floats(-9e18, 9e18))
def test_digest_survives_a_decimal_store(number: float) -> None:
    """jsonb keeps numbers as decimals: it returns 1e17 as digits and -0.0 as 0.0."""
    stored = f"{Decimal(json.dumps(number)):f}"

    assert digest(json.loads(stored)) == digest(number)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_canonical_refuses_what_is_not_finite(value: Any) -> None:
    with pytest.raises(ValueError, match="is no JSON"):
        canonical(value)


@pytest.mark.parametrize("value", [{1, 2}, (1,), b"x", {1: 2}, {"a": object()}, "\ud800"])
def test_canonical_refuses_what_is_not_json(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)
