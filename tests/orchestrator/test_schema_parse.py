"""What comes back from a form: read, complained of in plain words, and never lost."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from orchestrator.schema import add_row, drop, fields, parse, remove_row
from tests.orchestrator.schemas import ORDER, REFUND, by_path, form, post


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", 12.5),
        ("12", 12),
        (" 12 ", 12),
        ("\u00a012", 12),
        ("+3", 3),
        ("-3", -3),
        ("\N{MINUS SIGN}3", -3),
        ("3.", 3.0),
        (".5", 0.5),
        ("1e2", 100.0),
        ("007", 7),
    ],
)
def test_number(text: str, value: float) -> None:
    read, errors = parse({"type": "number"}, {"f": text})

    assert (read, type(read), errors) == (value, type(value), {})


@pytest.mark.parametrize(
    "text",
    [
        "12,50",
        "1,234.50",
        "1.234,50",
        "€5",
        "12 50",
        "five",
        "1e",
        ".",
        "0x10",
        "NaN",
        "inf",
        "١٢",
        "1" * 500,
    ],
)
def test_decimal_comma_is_not_guessed(text: str) -> None:
    read, errors = parse({"type": "number"}, {"f": text})

    assert (read, errors) == (text, {"": "Give a number, like 12.50."})


@pytest.mark.parametrize("text", ["9" * 19, "-" + "9" * 30, "1e400", "1e30"])
def test_number_too_wide_to_keep(text: str) -> None:
    assert parse({"type": "number"}, {"f": text}) == (
        text,
        {"": "Give a number of at most 18 digits."},
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"note": "x"}, {"note": ""}),
        ({"due": "2025-01-31"}, {"due": None}),
        ({"due": None}, {"due": None}),
        ({}, {}),
    ],
)
def test_cleared_text_is_empty_only_where_there_was_one(before: Any, after: Any) -> None:
    data = post(REFUND | before) | {"f/note": "", "f/due": ""}

    assert parse(ORDER, data) == (REFUND | after, {})


def test_cleared_text_that_may_not_be_empty_is_left_out() -> None:
    schema = {"type": "object", "properties": {"mail": {"type": "string", "format": "email"}}}

    data = post({"mail": "a@example.org"}, schema) | {"f/mail": ""}

    assert parse(schema, data) == ({}, {})


def test_cleared_fields_that_are_needed() -> None:
    data = post(REFUND) | {"f/amount": " ", "f/items/0/sku": "", "f/items/0/n": ""}

    value, errors = parse(ORDER, data)

    assert errors == {"/amount": "Fill this in.", "/items/0/sku": "Fill this in."}
    assert value["items"][0] == {"sku": ""}


def test_unchecked_box_is_no() -> None:
    checked = post({**REFUND, "urgent": True})
    unchecked = {name: text for name, text in checked.items() if name != "f/urgent"}

    assert parse(ORDER, checked)[0]["urgent"] is True
    assert parse(ORDER, unchecked)[0]["urgent"] is False


@pytest.mark.parametrize("text", ["refnd", "[", "1", "\ud800"])
def test_choice_that_is_none(text: str) -> None:
    value, errors = parse(ORDER, post(REFUND) | {"f/kind": text})

    assert errors == {"/kind": "Choose one of the options."}
    assert value["kind"] == {"1": 1, "\ud800": "?"}.get(text, text)


def test_json_that_is_none_is_kept_with_what_is_wrong() -> None:
    value, errors = parse({}, {"f": '{"a": 1, "a": 2}'})

    assert value == '{"a": 1, "a": 2}'
    assert errors == {"": 'Write this as JSON. The key "a" stands twice in one object.'}


def test_bare_names_are_enough_for_a_program() -> None:
    data = {"f/kind": "refund", "f/amount": "3", "f/urgent": "true", "f/items/4/sku": "A"}

    assert parse(ORDER, data) == (
        {"kind": "refund", "amount": 3, "urgent": True, "items": [{"sku": "A"}]},
        {},
    )


def test_an_empty_post_is_an_empty_value() -> None:
    assert parse({"type": "object", "properties": {"a": {"type": "string"}}}, {}) == ({}, {})
    assert parse({"items": {"type": "string"}}, {}) == ([], {})
    assert parse({"type": "string"}, {}) == (None, {"": "Fill this in."})


def test_line_ends_of_an_edited_text_become_those_of_the_web() -> None:
    data = post({**REFUND, "note": "a\r\nb"})

    assert parse(ORDER, data)[0]["note"] == "a\r\nb"
    assert parse(ORDER, data | {"f/note": "a\r\nc"})[0]["note"] == "a\nc"
    assert parse(ORDER, data | {"o/note": "{"})[0]["note"] == "a\nb"
    assert parse(ORDER, data | {"o/note": "5"})[0]["note"] == "a\nb"


def test_what_was_typed_is_never_lost() -> None:
    typed = post(REFUND) | {
        "f/amount": "12,50",
        "f/note": "x" * 30,
        "f/due": "tomorrow",
        "f/kind": "refnd",
        "f/items/1/n": "two",
        "comment": "not of the form",
    }

    value, errors = parse(ORDER, typed)
    drawn = by_path(fields(ORDER, value, raw=typed, errors=errors))

    assert {path: (drawn[path].text, drawn[path].error) for path in errors} == {
        "/amount": ("12,50", "Give a number, like 12.50."),
        "/note": ("x" * 30, "Shorten this to at most 20 characters."),
        "/due": ("tomorrow", "Give a date, like 2025-01-31."),
        "/kind": ("refnd", "Choose one of the options."),
        "/items/1/n": ("two", "Give a whole number, like 12."),
    }


def test_deep_and_hostile_names_do_no_harm() -> None:
    node: dict[str, Any] = {"type": "object", "properties": {"a": {"$ref": "#"}}}
    deep = {"f" + "/a" * 5000: "1", "f/a\x00": "1", "f/%00": "2", "e/a": "\x00null"}

    value, _ = parse(node, deep)
    fields(node, value, raw=deep)

    assert "\x00" not in json.dumps(value, ensure_ascii=False)


def test_added_row_has_to_be_filled_or_removed() -> None:
    data = add_row(add_row(post(REFUND), "/items"), "/tags") | {"csrf": "t"}

    value, errors = parse(ORDER, data)
    drawn = form(value, raw=data, errors=errors)

    assert errors == {
        "/items/3": "Fill this in, or remove the row.",
        "/tags/0": "Fill this in, or remove the row.",
    }
    assert drawn["/items/3"].error == "Fill this in, or remove the row."
    assert drawn["/items/3/sku"].text == ""
    assert data["csrf"] == "t"


def test_filled_row_counts() -> None:
    data = add_row(add_row(post(REFUND), "/items"), "/tags")
    data |= {"f/items/3/sku": "D", "f/tags/0": "vip"}

    value, errors = parse(ORDER, data)

    assert errors == {}
    assert value["items"][3:] == [{"sku": "D"}]
    assert value["tags"] == ["vip"]


def test_removed_row_makes_later_ones_move_up_with_their_confidence() -> None:
    sure = {"/items/0/sku": 0.1, "/items/1/sku": 0.2, "/items/2/sku": 0.3}
    data = remove_row(post(REFUND) | {"f/items/2/sku": "edited"}, "/items/0")

    value, errors = parse(ORDER, data)
    drawn = form(value, raw=data, errors=errors, confidence=sure)
    again = form(value, raw=remove_row(data, "/items/0"), confidence=sure)

    assert (value["items"], errors) == ([{"sku": "B"}, {"sku": "edited"}], {})
    assert [drawn[f"/items/{n}/sku"].confidence for n in (0, 1)] == [0.2, 0.3]
    assert again["/items/0/sku"].confidence == 0.3


def test_added_row_takes_no_confidence_of_a_removed_one() -> None:
    sure = {"/items/2/sku": 0.3}
    data = add_row(remove_row(post(REFUND), "/items/2"), "/items") | {"f/items/2/sku": "D"}

    assert form(None, raw=data, errors={}, confidence=sure)["/items/2/sku"].confidence is None


def test_last_row_gone_leaves_an_empty_list() -> None:
    data = post({**REFUND, "tags": ["a"]})

    assert parse(ORDER, remove_row(data, "/tags/0"))[0]["tags"] == []
    assert "tags" not in parse(ORDER, remove_row(add_row(post(REFUND), "/tags"), "/tags/0"))[0]


def test_row_of_numbers_that_was_cleared() -> None:
    schema = {"items": {"type": "number"}}

    assert parse(schema, post([1, 2], schema) | {"f/1": ""}) == (
        [1, None],
        {"/1": "Fill this in, or remove the row."},
    )


def test_optional_object_can_be_dropped() -> None:
    value = {**REFUND, "address": {"city": "Rome", "extra": 1}}

    assert form(value)["/address"].removable
    assert form(value)["/items"].removable
    assert not form(value)["/items/0"].removable
    assert parse(ORDER, drop(post(value), "/address")) == (REFUND, {})


@pytest.mark.parametrize("path", ["", "x", "/", "/gone/0", "/items/9", "/items/x", "/kind/0"])
def test_button_with_nonsense_changes_nothing(path: str) -> None:
    data = post(REFUND) | {"csrf": "t"}

    assert parse(ORDER, remove_row(data, path)) == (REFUND, {})
    assert parse(ORDER, drop(data, path)) == (REFUND, {})
    assert parse(ORDER, add_row(data, path))[0]["kind"] == "refund"


def test_drawing_and_reading_are_quick() -> None:
    data = post(REFUND)
    started = time.thread_time()
    for _ in range(100):
        fields(ORDER, REFUND)
        parse(ORDER, data)

    assert time.thread_time() - started < 1
