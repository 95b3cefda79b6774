"""Where a field stands after a decision: properties over any output."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.diffing import diff, same
from orchestrator.pointers import MISSING, lookup
from review.feedback.provenance import NONE_KNOWN, field_provenance, input_of_case

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b/~"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "-", "~/", ""]), inner, max_size=3)
    ),
    max_leaves=8,
)


def told(output: Any, said: Any, corrections: str = NONE_KNOWN, **more: bool) -> dict[str, str]:
    other = None if same(output, said) else json.dumps(said)
    more = more or {"is_person": True}
    found = field_provenance(json.dumps(output), other, corrections, **more)
    return dict(orjson.loads(found))


@given(VALUES, VALUES)
def test_every_leaf_is_named_once_and_equal_ones_are_confirmed(before: Any, after: Any) -> None:
    found = told(before, after)

    for path in found:
        value = lookup(after, path)
        assert value is not MISSING
        assert not isinstance(value, dict | list) or not value
    if same(before, after):
        assert set(found.values()) <= {"confirmed"}
    elif all(change.op == "replace" for change in diff(before, after)):
        assert "corrected" in found.values()


@given(VALUES, VALUES)
def test_stored_corrections_tell_what_a_comparison_tells(before: Any, after: Any) -> None:
    stored = json.dumps([change.as_json() for change in diff(before, after)])

    assert told(before, after, stored) == told(before, after)


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ({"a": [1, 2]}, {"a": [2]}, {"/a/0": "confirmed"}),
        ({"a": [1]}, {"a": []}, {"/a": "corrected"}),
        ({"a": {"b": 1}}, {"a": {}}, {"/a": "corrected"}),
        ({"a": 1}, {"a": 1, "b": {"c": 2}}, {"/a": "confirmed", "/b/c": "corrected"}),
        ({"a": 1}, {"a": {"b": 1}}, {"/a/b": "corrected"}),
        ({"-": 1, "x": 2}, {"-": 1}, {"/-": "confirmed"}),
        (5, 6, {"": "corrected"}),
    ],
)
def test_what_went_and_came(before: Any, after: Any, wanted: dict[str, str]) -> None:
    assert told(before, after) == wanted


def test_what_no_person_saw_is_unseen() -> None:
    assert told({"a": 1}, {"a": 1}, is_person=False) == {"/a": "unseen"}


def test_an_answer_of_a_person_is_confirmed_where_no_agent_spoke() -> None:
    assert field_provenance(None, '{"a": 1}', NONE_KNOWN, is_person=True) == '{"/a":"confirmed"}'


def test_the_answer_is_no_part_of_the_input() -> None:
    data = {"text": "x", "first": {"a": 1}, "mine": 2, "place": {"mine": 3, "other": 4}}
    wrote: dict[str, Any] = {
        "/first": {"task": 1},
        "/mine": {"task": 2},
        "/place/mine": {"task": 2},
    }
    wrote["/text"] = {"signal": "news", "inbound": 7}

    found = json.loads(input_of_case(json.dumps(data), json.dumps(wrote), 2))

    assert found == {"text": "x", "first": {"a": 1}, "place": {"other": 4}}


def test_an_output_that_is_the_whole_case_leaves_no_input() -> None:
    assert input_of_case('{"a": 1}', '{"": {"task": 1}}', 1) == "{}"
