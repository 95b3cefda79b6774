"""The reviewer's form: which controls there are, and what a wrong value looks like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.pointers import MISSING
from orchestrator.schema import Field, fields, parse
from tests.orchestrator.schemas import ORDER, REFUND, form, post, posted


def test_order() -> None:
    drawn = form(REFUND, confidence={"/amount": 0.4, "/items/1/sku": 0.7, "/kind": 7})

    assert [field.path for field in fields(ORDER, REFUND)] == [
        f"/{key}" for key in ORDER["properties"]
    ]
    assert drawn["/kind"] == Field(
        path="/kind",
        name="f/kind",
        label="What is wanted",
        kind="enum",
        text="refund",
        required=True,
        choices=(("refund", "refund"), ("wrong_item", "wrong item")),
    )
    assert drawn["/amount"] == Field(
        path="/amount",
        name="f/amount",
        label="Amount",
        kind="number",
        text="12.5",
        help="In euros.",
        required=True,
        confidence=0.4,
    )
    assert (drawn["/urgent"].kind, drawn["/urgent"].choices) == ("boolean", ())
    assert drawn["/urgent"].hidden == (("e/urgent", "false"),)
    assert (drawn["/note"].given, drawn["/note"].max_length) == (False, 20)
    assert (drawn["/due"].kind, drawn["/due"].nullable) == ("date", True)
    assert [row.label for row in drawn["/items"].children] == ["Items 1", "Items 2", "Items 3"]
    assert drawn["/items/1/sku"].confidence == 0.7
    assert drawn["/items/1/sku"].required
    assert not drawn["/items/1/n"].required


@pytest.mark.parametrize(
    ("told", "shown"),
    [(0, 0), (1, 1), (1.0001, None), (-0.1, None), (float("nan"), None), (True, None), ("1", None)],
)
def test_confidence_is_between_0_and_1_or_absent(told: Any, shown: float | None) -> None:
    assert form(REFUND, confidence={"/amount": told})["/amount"].confidence == shown


def test_object_that_is_not_there_can_be_filled_in() -> None:
    drawn = form(REFUND)

    assert (drawn["/address"].given, drawn["/address"].removable) == (False, False)
    assert not drawn["/address/city"].required
    assert drawn["/address/zipCode"].label == "Zip Code"


@pytest.mark.parametrize(
    ("schema", "value", "kind", "text"),
    [
        ({"type": "string"}, "a", "string", "a"),
        ({"type": "string"}, "a\nb", "text", "a\nb"),
        ({"type": "string"}, "a\rb", "text", "a\nb"),
        ({"type": "string"}, "x" * 201, "text", "x" * 201),
        ({"type": "string", "maxLength": 200}, "a", "string", "a"),
        ({"type": "string", "maxLength": 201}, "a", "text", "a"),
        ({"type": "string", "format": "markdown"}, "a", "text", "a"),
        ({"type": "string", "format": "date"}, "2025-01-31", "date", "2025-01-31"),
        ({"type": "string", "format": "date"}, "31.1.25", "string", "31.1.25"),
        ({"type": "string", "format": "date"}, "20250131", "string", "20250131"),
        (
            {"type": "string", "format": "date-time"},
            "2025-01-31T10:00:00Z",
            "datetime",
            "2025-01-31T10:00:00Z",
        ),
        ({"type": "string", "format": "email"}, "a@b", "string", "a@b"),
        ({"type": "integer"}, 5, "integer", "5"),
        ({"type": "integer"}, 5.0, "integer", "5.0"),
        ({"type": ["integer", "number"]}, 5, "number", "5"),
        ({"type": "boolean"}, True, "boolean", "true"),
        ({"const": None}, None, "enum", "null"),
        ({"enum": ["", "a\nb", "1", 1, True]}, "", "enum", '""'),
        ({"enum": ["", "a\nb", "1", 1, True]}, "1", "enum", '"1"'),
        ({"enum": ["", "a\nb", "1", 1, True]}, 1, "enum", "1"),
        ({"enum": ["", "a\nb", "1", 1, True]}, 1.0, "enum", "1.0"),
        ({"enum": ["", "a\nb", "1", 1, True]}, "a\nb", "enum", '"a\\nb"'),
        ({"enum": [[1], {}]}, [1], "json", "[\n  1\n]"),
        ({"type": "null"}, None, "json", "null"),
        ({"type": ["string", "number"]}, "a", "json", '"a"'),
        ({"type": "object"}, {"a": 1}, "json", '{\n  "a": 1\n}'),
        ({"type": "array"}, [1], "json", "[\n  1\n]"),
        ({"type": "array", "items": {}}, ["é"], "json", '[\n  "é"\n]'),
        (
            {"type": "array", "items": {"type": "string"}, "prefixItems": [{}]},
            [1],
            "json",
            "[\n  1\n]",
        ),
        ({"anyOf": [{"type": "object"}, {"type": "string"}]}, "x", "json", '"x"'),
        ({}, 5, "json", "5"),
        ({"items": {"type": "string"}}, ["x"], "array", ""),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "x", "string", "x"),
        ({"oneOf": [{"type": "string"}]}, "x", "string", "x"),
        ({"allOf": [{"type": "string"}, {"maxLength": 300}]}, "x", "text", "x"),
        ({"$defs": {"a b": {"type": "integer"}}, "$ref": "#/$defs/a%20b"}, 5, "integer", "5"),
        ({"$ref": "#/$defs/gone"}, 5, "json", "5"),
        ({"$ref": "#"}, 5, "json", "5"),
    ],
)
def test_kind_and_text(schema: Any, value: Any, kind: str, text: str) -> None:
    (drawn,) = fields(schema, value, errors={})

    assert (drawn.kind, drawn.text) == (kind, text)
    assert (drawn.path, drawn.name) == ("", "f")


def test_allof_adds_up_properties() -> None:
    schema = {
        "$defs": {
            "base": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
        },
        "allOf": [{"$ref": "#/$defs/base"}],
        "required": ["b"],
        "properties": {"b": {"type": "integer"}},
    }

    drawn = form({"a": "x", "b": 1}, schema)

    assert {path: (f.kind, f.required) for path, f in drawn.items()} == {
        "/a": ("string", True),
        "/b": ("integer", True),
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": ["number", "null"]},
        {"anyOf": [{"type": "number"}, {"type": "null"}]},
        {"oneOf": [{"type": "null"}, {"type": "number"}]},
        {"$defs": {"n": {"anyOf": [{"type": "number"}, {"type": "null"}]}}, "$ref": "#/$defs/n"},
    ],
)
def test_nullable_number_that_is_cleared_is_null(schema: Any) -> None:
    (drawn,) = fields(schema, 5)

    assert (drawn.kind, drawn.nullable) == ("number", True)
    assert parse(schema, posted([drawn]) | {"f": ""}) == (None, {})


def test_union_of_one_is_that_one_and_not_null() -> None:
    (drawn,) = fields({"anyOf": [{"type": "number"}]}, 5)

    assert (drawn.kind, drawn.nullable) == ("number", False)


@pytest.mark.parametrize("value", ["5", "true", "null", '"5"', "[]", "", " ", "plain", 7, False])
def test_texts_that_look_like_json_stay_texts_among_choices(value: Any) -> None:
    schema = {"enum": ["5", "true", "null", '"5"', "[]", "", " ", "plain", 7, False]}

    read, errors = parse(schema, posted(fields(schema, value)))

    assert (read, type(read), errors) == (value, type(value), {})


def test_labelled_choices() -> None:
    schema = {
        "anyOf": [
            {"const": "de", "title": "German"},
            {"const": "en"},
            {"const": 5},
            {"type": "null"},
        ]
    }

    (drawn,) = fields(schema, "de")

    assert drawn.nullable
    assert drawn.choices == (("", "Empty"), ("de", "German"), ("en", "en"), ("5", "5"))


@pytest.mark.parametrize(
    ("value", "blank"),
    [({"flag": None}, "Empty"), ({}, "Not given"), ({"flag": True}, "Empty")],
)
def test_optional_boolean_has_three_states(value: Any, blank: str) -> None:
    schema = {"type": "object", "properties": {"flag": {"type": ["boolean", "null"]}}}

    (drawn,) = fields(schema, value)

    assert drawn.choices == (("", blank), ("true", "Yes"), ("false", "No"))


def test_self_containing_schema_is_drawn_as_far_as_there_are_values() -> None:
    node: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "next": {"$ref": "#"}},
    }

    drawn = form({"name": "a", "next": {"name": "b"}}, node)

    assert drawn["/next/name"].text == "b"
    assert drawn["/next/next"].kind == "object"
    assert drawn["/next/next/next"].kind == "json"
    assert parse(node, posted(fields(node, {"next": {"next": {}}})))[0] == {"next": {"next": {}}}


def test_large_arrays_and_wide_objects_are_edited_as_json() -> None:
    items = [{"sku": str(n)} for n in range(150)]
    extras = {f"x{n}": n for n in range(40)}

    drawn = form({**REFUND, "items": items, "address": {"city": "Rome", **extras}})

    assert (drawn["/items"].kind, json.loads(drawn["/items"].text)) == ("json", items)
    assert json.loads(drawn["/address"].text) == {"city": "Rome", **extras}


def test_huge_value_is_not_indented() -> None:
    (drawn,) = fields({}, ["x" * 100] * 1000)

    assert "\n" not in drawn.text


def test_unknown_keys_are_kept_as_json_or_by_their_schema() -> None:
    schema = ORDER | {"additionalProperties": {"type": "integer"}}

    assert form({**REFUND, "x/y": {"z": 1}})["/x~1y"].kind == "json"
    assert form({**REFUND, "more": 5}, schema)["/more"].kind == "integer"


@pytest.mark.parametrize("value", [None, MISSING])
def test_empty_form_complains_of_nothing(value: Any) -> None:
    drawn = form(value)

    assert {field.error for field in drawn.values()} == {""}
    assert drawn["/urgent"].choices[0] == ("", "Not given")


def test_null_that_may_be_stays() -> None:
    schema = {"anyOf": [ORDER, {"type": "null"}]}

    (drawn,) = fields(schema, None)

    assert (drawn.kind, drawn.text) == ("json", "null")
    assert parse(schema, posted([drawn])) == (None, {})


@pytest.mark.parametrize(
    ("path", "value", "kind", "text", "error"),
    [
        ("amount", "twelve", "number", "twelve", "Give a number, like 12.50."),
        ("amount", True, "number", "true", "Give a number, like 12.50."),
        ("amount", "1\n2", "json", '"1\\n2"', "Give a number, like 12.50."),
        ("amount", {"eur": 5}, "json", '{\n  "eur": 5\n}', "Give a number, like 12.50."),
        ("amount", None, "number", "", "Fill this in."),
        ("amount", 900, "number", "900", "Give 500 or less."),
        ("note", 5, "string", "5", "Give a text."),
        ("note", ["x"], "json", '[\n  "x"\n]', "Give a text."),
        ("note", "x" * 21, "string", "x" * 21, "Shorten this to at most 20 characters."),
        ("urgent", "yes", "boolean", "yes", "Choose yes or no."),
        ("kind", "refnd", "enum", "refnd", 'Choose one of "refund", "wrong_item".'),
        ("kind", 5, "enum", "5", 'Choose one of "refund", "wrong_item".'),
        ("due", "31.1.2025", "string", "31.1.2025", "Give a date, like 2025-01-31."),
        ("items", "none", "json", '"none"', "Give a list."),
        ("items", {"0": 1}, "json", '{\n  "0": 1\n}', "Give a list."),
        ("address", "Rome", "json", '"Rome"', "Give an object with its fields."),
        ("address", {}, "object", "", ""),
    ],
)
def test_wrong_type(path: str, value: Any, kind: str, text: str, error: str) -> None:
    drawn = form({**REFUND, path: value})[f"/{path}"]

    assert (drawn.kind, drawn.text, drawn.error) == (kind, text, error)


def test_wrong_value_is_posted_back_with_an_error() -> None:
    wrong = {**REFUND, "amount": "twelve", "kind": "refnd", "items": "none", "address": None}

    value, errors = parse(ORDER, post(wrong))

    assert value == wrong
    assert set(errors) == {"/amount", "/kind", "/items", "/address"}


def test_problem_within_json_is_shown_at_its_field() -> None:
    schema = {"type": "object", "properties": {"x": {"prefixItems": [{"type": "integer"}]}}}

    assert form({"x": ["a"]}, schema)["/x"].error == "Give a whole number, like 12."


def test_array_instead_of_the_whole() -> None:
    (drawn,) = fields(ORDER, [1])

    assert (drawn.kind, drawn.error) == ("json", "Give an object with its fields.")
