"""Several answers: the one most of them give, and how many say the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.agents.agreement import confidences, favourite


@pytest.mark.parametrize(
    ("outputs", "taken"),
    [
        ([1], 1),
        ([1, 2, 2], 2),
        ([1, 2], 1),
        ([{"a": 1}, {"a": 2}, {"a": 2.0}], {"a": 2}),
        ([True, 1, 1], 1),
    ],
)
def test_the_favourite_is_what_most_say_and_the_first_of_equals(
    outputs: list[Any], taken: Any
) -> None:
    assert favourite(outputs) == taken
    assert type(favourite(outputs)) is type(taken)


def test_shares_are_of_all_that_were_asked() -> None:
    outputs = [
        {"kind": "refund", "lines": [{"n": 1}]},
        {"kind": "refund", "lines": [{"n": 2}]},
        {"kind": "refund"},
    ]

    found = confidences(outputs[0], outputs, 4)

    assert found == {"": 0.25, "/kind": 0.75, "/lines": 0.25, "/lines/0": 0.25, "/lines/0/n": 0.25}


def test_what_is_missing_elsewhere_is_not_null() -> None:
    assert confidences({"a": None}, [{"a": None}, {}], 2) == {"": 0.5, "/a": 0.5}


@given(st.lists(st.sampled_from([0, 1, None, "a", [0], {"a": 0}]), min_size=1, max_size=6))
def test_the_favourite_agrees_most(outputs: list[Any]) -> None:
    shares = [confidences(output, outputs, len(outputs))[""] for output in outputs]

    assert confidences(favourite(outputs), outputs, len(outputs))[""] == max(shares)
    assert all(0 < share <= 1 for share in shares)
