"""What jsonschema-rs objects to, in plain words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from jsonschema_rs import ValidationError

from orchestrator.pointers import Problem, child
from orchestrator.strictjson import visible
from orchestrator.tongue import gettext_noop, say
from orchestrator.wording import shown

FILL_IN: Final = gettext_noop("Fill this in.")
_MOST_OPTIONS: Final = 8
_LONGEST: Final = 200

_EXPECTED: Final[Mapping[str, str]] = {
    "string": gettext_noop("Give a text."),
    "number": gettext_noop("Give a number, like 12.50."),
    "integer": gettext_noop("Give a whole number, like 12."),
    "boolean": gettext_noop("Choose yes or no."),
    "enum": gettext_noop("Choose one of the options."),
    "object": gettext_noop("Give an object with its fields."),
    "array": gettext_noop("Give a list."),
    "null": gettext_noop("Leave this empty."),
}
_FORMATS: Final[Mapping[str, str]] = {
    "date": gettext_noop("Give a date, like 2025-01-31."),
    "date-time": gettext_noop("Give a date and time with its zone, like 2025-01-31T14:30:00Z."),
    "time": gettext_noop("Give a time with its zone, like 14:30:00Z."),
    "duration": gettext_noop("Give a duration, like P3D or PT4H."),
    "email": gettext_noop("Give an e-mail address, like name@example.org."),
    "uri": gettext_noop("Give a web address, like https://example.org/."),
    "uuid": gettext_noop("Give a UUID, like 123e4567-e89b-12d3-a456-426614174000."),
}
_ADVICE: Final[Mapping[str, str]] = {
    "required": FILL_IN,
    "minimum": gettext_noop("Give {limit} or more."),
    "maximum": gettext_noop("Give {limit} or less."),
    "exclusiveMinimum": gettext_noop("Give more than {limit}."),
    "exclusiveMaximum": gettext_noop("Give less than {limit}."),
    "multipleOf": gettext_noop("Give a multiple of {multiple_of}."),
    "minLength": gettext_noop("Write at least {limit} characters."),
    "maxLength": gettext_noop("Shorten this to at most {limit} characters."),
    "pattern": gettext_noop("Write this the way the pattern {pattern} says."),
    "minItems": gettext_noop("Add rows: at least {limit} are needed."),
    "maxItems": gettext_noop("Remove rows: at most {limit} are allowed."),
    "uniqueItems": gettext_noop("Remove the row that stands here twice."),
    "minProperties": gettext_noop("Give at least {limit} fields."),
    "maxProperties": gettext_noop("Give at most {limit} fields."),
    "additionalProperties": gettext_noop("Remove this: there is no such field."),
    "unevaluatedProperties": gettext_noop("Remove this: there is no such field."),
    "falseSchema": gettext_noop("Remove this: nothing is allowed here."),
    "anyOf": gettext_noop("Give this in one of the forms that are allowed."),
    "oneOf": gettext_noop("Give this in exactly one of the forms that are allowed."),
    "const": gettext_noop("Give {expected_value!r}."),
    "not": gettext_noop("Give something else: this is not allowed."),
}


def expected(kind: str) -> str:
    """What belongs in a field of a kind or JSON type."""
    return say(_EXPECTED[kind])


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
        return say(FILL_IN)
    if name == "pattern" and "pattern" not in details:
        return say(gettext_noop("Give something simpler: checking this takes too long."))
    advice = _FORMATS.get(details["format"]) if name == "format" else _ADVICE.get(name)
    if not advice:
        return say(gettext_noop("Change this: %s.")) % _cut(error.message)
    return say(advice).format(**details)


def _cut(message: str) -> str:
    return visible(message if len(message) <= _LONGEST else f"{message[:_LONGEST]}…")


def _wanted_type(value: Any, types: Sequence[str]) -> str:
    if value is None:
        return say(FILL_IN)
    wanted = [name for name in types if name != "null"]
    if len(wanted) == 1:
        return expected(wanted[0])
    if not wanted:
        return expected("null")
    return say(gettext_noop("Give one of these: %s.")) % ", ".join(wanted)


def _options(options: Sequence[Any]) -> str:
    if len(options) > _MOST_OPTIONS:
        return expected("enum")
    return say(gettext_noop("Choose one of %s.")) % ", ".join(map(shown, options))
