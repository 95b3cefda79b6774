"""What jsonschema-rs objects to, in plain words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from jsonschema_rs import ValidationError

from orchestrator.pointers import Problem, child
from orchestrator.strictjson import visible
from orchestrator.wording import shown

FILL_IN: Final = "Fill this in."
_MOST_OPTIONS: Final = 8
_LONGEST: Final = 200

_EXPECTED: Final[Mapping[str, str]] = {
    "string": "Give a text.",
    "number": "Give a number, like 12.50.",
    "integer": "Give a whole number, like 12.",
    "boolean": "Choose yes or no.",
    "enum": "Choose one of the options.",
    "object": "Give an object with its fields.",
    "array": "Give a list.",
    "null": "Leave this empty.",
}
_FORMATS: Final[Mapping[str, str]] = {
    "date": "Give a date, like 2025-01-31.",
    "date-time": "Give a date and time with its zone, like 2025-01-31T14:30:00Z.",
    "time": "Give a time with its zone, like 14:30:00Z.",
    "duration": "Give a duration, like P3D or PT4H.",
    "email": "Give an e-mail address, like name@example.org.",
    "uri": "Give a web address, like https://example.org/.",
    "uuid": "Give a UUID, like 123e4567-e89b-12d3-a456-426614174000.",
}
_ADVICE: Final[Mapping[str, str]] = {
    "required": FILL_IN,
    "minimum": "Give {limit} or more.",
    "maximum": "Give {limit} or less.",
    "exclusiveMinimum": "Give more than {limit}.",
    "exclusiveMaximum": "Give less than {limit}.",
    "multipleOf": "Give a multiple of {multiple_of}.",
    "minLength": "Write at least {limit} characters.",
    "maxLength": "Shorten this to at most {limit} characters.",
    "pattern": "Write this the way the pattern {pattern} says.",
    "minItems": "Add rows: at least {limit} are needed.",
    "maxItems": "Remove rows: at most {limit} are allowed.",
    "uniqueItems": "Remove the row that stands here twice.",
    "minProperties": "Give at least {limit} fields.",
    "maxProperties": "Give at most {limit} fields.",
    "additionalProperties": "Remove this: there is no such field.",
    "unevaluatedProperties": "Remove this: there is no such field.",
    "falseSchema": "Remove this: nothing is allowed here.",
    "anyOf": "Give this in one of the forms that are allowed.",
    "oneOf": "Give this in exactly one of the forms that are allowed.",
    "const": "Give {expected_value!r}.",
    "not": "Give something else: this is not allowed.",
}


def expected(kind: str) -> str:
    """What belongs in a field of a kind or JSON type."""
    return _EXPECTED[kind]


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """One error as problems, each at the place where something can be done about it."""
    details = error.kind.as_dict()
    path = path_of(error)
    if branch := _only_branch(details.get("context", ())):
        for inner in branch:
            yield from problems_of(inner)
        return
    keys = details.get("unexpected") or [details[key] for key in ("property",) if key in details]
    for place in [child(path, key) for key in keys] or [path]:
        yield Problem(place, _message(error, details))


def path_of(error: ValidationError) -> str:
    return reduce(child, error.instance_path, "")


def _only_branch(branches: Sequence[list[ValidationError]]) -> list[ValidationError]:
    """What is wrong with the one schema of a union that is not null."""
    others = [branch for branch in branches if not all(map(_wants_null, branch))]
    return others[0] if len(others) == 1 else []


def _wants_null(error: ValidationError) -> bool:
    return error.kind.name == "type" and error.kind.as_dict()["types"] == ["null"]


def _message(error: ValidationError, details: Mapping[str, Any]) -> str:
    name = error.kind.name
    if name == "type":
        return _wanted_type(error.instance, details["types"])
    if name == "enum":
        return _options(details["options"])
    if name == "minLength" and error.instance == "":
        return FILL_IN
    if name == "pattern" and "pattern" not in details:
        return "Give something simpler: checking this takes too long."
    advice = _FORMATS.get(details["format"]) if name == "format" else _ADVICE.get(name)
    return advice.format(**details) if advice else f"Change this: {_cut(error.message)}."


def _cut(message: str) -> str:
    return visible(message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…")


def _wanted_type(value: Any, types: Sequence[str]) -> str:
    if value is None:
        return FILL_IN
    wanted = [name for name in types if name != "null"]
    if len(wanted) == 1:
        return _EXPECTED[wanted[0]]
    return f"Give one of these: {', '.join(wanted)}." if wanted else _EXPECTED["null"]


def _options(options: Sequence[Any]) -> str:
    if len(options) > _MOST_OPTIONS:
        return _EXPECTED["enum"]
    return f"Choose one of {', '.join(shown(option) for option in options)}."
