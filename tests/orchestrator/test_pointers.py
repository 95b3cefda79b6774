"""JSON pointers: split, built and followed as RFC 6901 says."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.pointers import MISSING, Problem, child, lookup, split

DOCUMENT: dict[str, Any] = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "m~n": 8,
    " ": 7,
    "none": None,
    "0": "zero",
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/m~0n", 8),
        ("/ ", 7),
        ("/none", None),
        ("/0", "zero"),
        ("/gone", MISSING),
        ("/none/x", MISSING),
        ("/foo/2", MISSING),
        ("/foo/-", MISSING),
        ("/foo/00", MISSING),
        ("/foo/-1", MISSING),
        ("/foo/\N{ARABIC-INDIC DIGIT ONE}", MISSING),
        (f"/foo/{'1' * 5000}", MISSING),
    ],
)
def test_lookup(pointer: str, value: Any) -> None:
    assert lookup(DOCUMENT, pointer) is value or lookup(DOCUMENT, pointer) == value


def test_split_refuses_what_is_no_pointer() -> None:
    with pytest.raises(ValueError, match="starts with /"):
        split("foo")


@given(st.lists(st.text("a/~01", max_size=3)))
def test_parts_come_back(parts: list[str]) -> None:
    assert split(reduce(child, parts, "")) == tuple(parts)


def test_child_takes_an_index() -> None:
    assert child("/items", 0) == "/items/0"


def test_nothing_there_is_falsy_and_problems_are_json() -> None:
    assert not MISSING
    assert Problem("/a", "Give a text.").as_json() == {"path": "/a", "message": "Give a text."}
