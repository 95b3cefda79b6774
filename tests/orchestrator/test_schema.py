"""JSON Schema: what is refused, and in which words."""

from __future__ import annotations

import time
from typing import Any

import pytest

from orchestrator.schema import Problem, check_schema, validate
from tests.orchestrator.schemas import ORDER, REFUND


def test_accepts_what_reviews_need() -> None:
    assert check_schema(ORDER) == []
    assert check_schema({}) == []
    assert check_schema({"$defs": {"a": {}}, "$ref": "#/$defs/a"}) == []


@pytest.mark.parametrize(
    ("schema", "path", "words"),
    [
        (None, "", "Give a schema"),
        ([], "", "Give a schema"),
        (True, "", "Give a schema"),
        ({"type": "foo"}, "/type", "no JSON Schema"),
        ({"properties": {"a/b": {"minLength": -1}}}, "/properties/a~1b/minLength", "minimum"),
        ({"pattern": "(a"}, "/pattern", "regex"),
        ({"$ref": "http://127.0.0.1:1/x"}, "/$ref", "Refer to a place in this schema"),
        ({"anyOf": [{"$ref": "other.json"}]}, "/anyOf/0/$ref", "Refer to a place"),
        ({"$ref": "#/$defs/gone"}, "", "cannot be used: Pointer '/$defs/gone' does not exist"),
        ({"$schema": "https://example.org/mine"}, "", "Unknown meta-schema"),
    ],
)
def test_names_what_is_wrong_and_where(schema: Any, path: str, words: str) -> None:
    (problem,) = check_schema(schema)

    assert problem.path == path
    assert words in problem.message


def test_lists_every_problem() -> None:
    problems = check_schema({"type": "foo", "required": "a", "properties": {"a": 5}})

    assert {problem.path for problem in problems} == {"/type", "/required", "/properties/a"}


def test_a_property_may_be_called_ref() -> None:
    assert check_schema({"properties": {"$ref": {"type": "string"}}}) == []


@pytest.mark.parametrize(
    ("schema", "value", "path", "message"),
    [
        ({"type": "number"}, "x", "", "Give a number, like 12.50."),
        ({"type": "integer"}, 1.5, "", "Give a whole number, like 12."),
        ({"type": "string"}, 1, "", "Give a text."),
        ({"type": "boolean"}, "yes", "", "Choose yes or no."),
        ({"type": "object"}, [], "", "Give an object with its fields."),
        ({"type": "array"}, {}, "", "Give a list."),
        ({"type": "null"}, 1, "", "Leave this empty."),
        ({"type": ["string", "null"]}, 1, "", "Give a text."),
        ({"type": ["string", "integer"]}, [], "", "Give one of these: integer, string."),
        ({"type": "number"}, None, "", "Fill this in."),
        ({"type": "number"}, True, "", "Give a number, like 12.50."),
        ({"required": ["a/b"]}, {}, "/a~1b", "Fill this in."),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "/b", "Fill this in."),
        (
            {"properties": {}, "additionalProperties": False},
            {"x": 1},
            "/x",
            "Remove this: there is no such field.",
        ),
        ({"unevaluatedProperties": False}, {"x": 1}, "/x", "Remove this: there is no such field."),
        ({"properties": {"x": False}}, {"x": 1}, "/x", "Remove this: nothing is allowed here."),
        ({"items": {"type": "integer"}}, [1, "x"], "/1", "Give a whole number, like 12."),
        ({"enum": ["a", 5, None]}, "b", "", 'Choose one of "a", 5, empty.'),
        ({"enum": list(range(9))}, "b", "", "Choose one of the options."),
        ({"const": "a"}, "b", "", "Give 'a'."),
        ({"minimum": 0}, -1, "", "Give 0 or more."),
        ({"maximum": 2.5}, 3, "", "Give 2.5 or less."),
        ({"exclusiveMinimum": 0}, 0, "", "Give more than 0."),
        ({"exclusiveMaximum": 5}, 5, "", "Give less than 5."),
        ({"multipleOf": 0.5}, 0.3, "", "Give a multiple of 0.5."),
        ({"minLength": 1}, "", "", "Fill this in."),
        ({"minLength": 3}, "ab", "", "Write at least 3 characters."),
        ({"maxLength": 2}, "abc", "", "Shorten this to at most 2 characters."),
        ({"pattern": "^A{1}$"}, "b", "", "Write this the way the pattern ^A{1}$ says."),
        ({"minItems": 1}, [], "", "Add rows: at least 1 are needed."),
        ({"maxItems": 1}, [1, 2], "", "Remove rows: at most 1 are allowed."),
        ({"uniqueItems": True}, [1, 1], "", "Remove the row that stands here twice."),
        ({"format": "date"}, "31.1.2025", "", "Give a date, like 2025-01-31."),
        ({"format": "date"}, "2025-02-30", "", "Give a date, like 2025-01-31."),
        (
            {"format": "date-time"},
            "2025-01-31T10:00",
            "",
            "Give a date and time with its zone, like 2025-01-31T14:30:00Z.",
        ),
        ({"format": "email"}, "me", "", "Give an e-mail address, like name@example.org."),
        ({"format": "ipv4"}, "300.0.0.1", "", 'Change this: "300.0.0.1" is not a "ipv4".'),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "x",
            "",
            "Give a whole number, like 12.",
        ),
        (
            {"anyOf": [{"type": "integer"}, {"type": "string"}]},
            [],
            "",
            "Give this in one of the forms that are allowed.",
        ),
        (
            {"oneOf": [{"type": "integer"}, {"minimum": 0}]},
            1,
            "",
            "Give this in exactly one of the forms that are allowed.",
        ),
        ({"not": {"const": 1}}, 1, "", "Give something else: this is not allowed."),
        (
            {"propertyNames": {"maxLength": 1}},
            {"ab": 1},
            "",
            'Change this: "ab" is longer than 1 character.',
        ),
    ],
)
def test_says_what_to_do(schema: Any, value: Any, path: str, message: str) -> None:
    assert validate(schema, value) == [Problem(path, message)]


def test_union_with_null_reports_inside_its_schema() -> None:
    schema = {"anyOf": [{"type": "null"}, ORDER]}

    problems = validate(schema, {"kind": "x", "amount": 1, "urgent": True})

    assert problems == [Problem("/kind", 'Choose one of "refund", "wrong_item".')]


def test_long_and_hidden_text_is_cut_and_shown() -> None:
    (problem,) = validate({"format": "ipv4"}, "\u202e" + "x" * 1000)

    assert "[U+202E]" in problem.message
    assert len(problem.message) < 260


def test_reports_at_most_a_hundred_problems() -> None:
    schema = {"additionalProperties": False, "properties": {"a": {"items": {"type": "null"}}}}

    assert len(validate(schema, {"a": list(range(500))})) == 100
    assert len(validate(schema, {str(n): n for n in range(500)})) == 100


def test_nothing_that_is_not_finite_is_valid() -> None:
    assert validate({"type": "number"}, float("nan"))
    assert validate({"type": "number"}, float("inf"))


def test_foreign_reference_is_not_fetched() -> None:
    started = time.monotonic()

    with pytest.raises(ValueError, match="Retrieval is disabled"):
        validate({"$ref": "http://10.255.255.1/schema.json"}, 1)

    assert time.monotonic() - started < 1


def test_costly_pattern_is_given_up() -> None:
    schema = {"type": "string", "pattern": r"^(\w+\s?)*\1$"}
    started = time.thread_time()

    assert validate(schema, "word " * 40 + "!")

    assert time.thread_time() - started < 1


def test_schema_is_compiled_once() -> None:
    validate(ORDER, REFUND)
    started = time.thread_time()
    for _ in range(1000):
        validate(ORDER, REFUND)

    assert time.thread_time() - started < 0.5
