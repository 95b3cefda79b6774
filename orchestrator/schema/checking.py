"""JSON Schema, checked by jsonschema-rs, with messages that say what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from itertools import islice
from typing import Any, Final

import jsonschema_rs
import orjson

from orchestrator.pointers import Problem, child
from orchestrator.schema.advice import path_of, problems_of

_MOST_PROBLEMS: Final = 100
# A pattern such as ^(a+)+$ may not hold a worker for minutes.
_PATTERNS: Final = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)
_META: Final = "https://json-schema.org/draft/2020-12/schema"


def validate(schema: Mapping[str, Any], value: Any) -> list[Problem]:
    """What is wrong with ``value``, formats included, at most 100 problems.

    Raises ValueError for a schema that ``check_schema`` objects to, and for a value that is
    no JSON.
    """
    validator = _validator(orjson.dumps(schema))
    if validator.is_valid(value):
        return []
    errors = islice(validator.iter_errors(value), _MOST_PROBLEMS)
    return [problem for error in errors for problem in problems_of(error)][:_MOST_PROBLEMS]


def check_schema(schema: Any) -> list[Problem]:
    """What is wrong with a schema; each path points into it."""
    if not isinstance(schema, dict):
        return [Problem("", "Give a schema: an object such as {type: object, properties: …}.")]
    errors = islice(_meta().iter_errors(schema), _MOST_PROBLEMS)
    problems = [
        Problem(path_of(error), f"This is no JSON Schema: {error.message}.") for error in errors
    ]
    return problems or list(_foreign(schema, "")) or _unusable(schema)


def _foreign(schema: Any, path: str) -> Iterator[Problem]:
    """References that lead out of the schema: nothing is fetched because of one."""
    if isinstance(schema, dict):
        for key in ("$ref", "$dynamicRef"):
            ref = schema.get(key)
            if isinstance(ref, str) and not ref.startswith("#"):
                yield Problem(
                    child(path, key), "Refer to a place in this schema, like #/$defs/name."
                )
    for part, inner in _inner(schema):
        yield from _foreign(inner, child(path, part))


def _inner(schema: Any) -> Iterable[tuple[str | int, Any]]:
    if isinstance(schema, dict):
        return schema.items()
    return enumerate(schema) if isinstance(schema, list) else ()


def _unusable(schema: dict[str, Any]) -> list[Problem]:
    try:
        _validator(orjson.dumps(schema))
    except jsonschema_rs.ValidationError as error:
        return [Problem(path_of(error), f"This schema cannot be used: {error.message}.")]
    return []


@cache
def _meta() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({"$ref": _META}, offline=True)


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(
        orjson.loads(schema), validate_formats=True, offline=True, pattern_options=_PATTERNS
    )
