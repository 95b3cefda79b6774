"""What of a JSON Schema a form can show: one Shape for each subschema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import unquote

import orjson

from orchestrator.canonical import same
from orchestrator.pointers import MISSING, lookup
from orchestrator.tongue import gettext_noop

Kind = Literal[
    "string", "text", "number", "integer", "boolean", "enum", "date", "datetime",
    "object", "array", "json",
]  # fmt: skip

WRITTEN: Final = frozenset({"string", "text", "date", "datetime"})
LONG: Final = 200
EMPTY: Final = gettext_noop("Empty")
YES: Final = gettext_noop("Yes")
NO: Final = gettext_noop("No")
WORDS: Final = frozenset({EMPTY, YES, NO})
_MOST_REFS: Final = 32
_LONG_FORMATS: Final = frozenset({"text", "textarea", "multiline", "markdown"})
_FORMATS: Final[Mapping[str, Kind]] = {"date": "date", "date-time": "datetime"}
_NULL: Final[Mapping[str, Any]] = {"type": "null"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an enum; ``token`` is what the form posts for it."""

    token: str
    label: str
    value: Any


@dataclass(frozen=True, slots=True)
class Shape:
    """How a subschema is shown; ``schema`` is it with references and unions resolved."""

    kind: Kind
    schema: Mapping[str, Any]
    nullable: bool = False
    choices: tuple[Choice, ...] = ()

    @property
    def properties(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.schema.get("properties", {})
        return found

    def requires(self, key: str) -> bool:
        return key in self.schema.get("required", ())

    def member(self, key: str) -> Any:
        """The subschema of a member, declared or not."""
        if key in self.properties:
            return self.properties[key]
        return self.schema.get("additionalProperties", True)


class Shapes:
    """The shapes of one schema and of all within it, each worked out once.

    It has a copy of its own, so that a subschema can be known by its identity.
    """

    def __init__(self, schema: bytes) -> None:
        self.root: Any = orjson.loads(schema)
        self._known: dict[int, Shape] = {}

    def of(self, schema: Any) -> Shape:
        """The shape of a subschema, which comes from ``root``."""
        found = self._known.get(id(schema))
        if found is None:
            found = self._known[id(schema)] = _shape(schema, self.root)
        return found


def shapes_of(schema: Any) -> Shapes:
    return _shapes(orjson.dumps(schema))


@lru_cache(maxsize=256)
def _shapes(schema: bytes) -> Shapes:
    return Shapes(schema)


def _shape(schema: Any, root: Any) -> Shape:
    merged, nullable = _without_null(_merged(schema, root, _MOST_REFS), root)
    values = _labelled(merged)
    if values and not any(isinstance(value, dict | list) for _, value in values):
        nullable = nullable and not any(value is None for _, value in values)
        return Shape("enum", merged, nullable, _choices(values))
    nullable = nullable or "null" in _types(merged)
    types = [name for name in _types(merged) if name != "null"]
    kind = _kind(types[0], merged) if len(types) == 1 else "json"
    choices = _choices([("", True), ("", False)]) if kind == "boolean" else ()
    return Shape(kind, merged, nullable, choices)


def _merged(schema: Any, root: Any, refs: int) -> dict[str, Any]:
    """``schema`` with $ref and allOf written out; what cannot be is left out."""
    if not isinstance(schema, dict) or refs <= 0:
        return {}
    merged = {key: value for key, value in schema.items() if key not in {"$ref", "allOf"}}
    parts = list(schema.get("allOf", ()))
    if "$ref" in schema:
        parts.append(_target(schema["$ref"], root))
    for part in parts:
        merged = _joined(_merged(part, root, refs - len(parts)), merged)
    return merged


def _target(ref: str, root: Any) -> Any:
    found = lookup(root, unquote(ref[1:])) if re.match(r"#(/|$)", ref) else MISSING
    return {} if found is MISSING else found


def _joined(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Two schemas as one, for showing: properties and required add up, else ``over`` wins."""
    joined = {**under, **over}
    if "properties" in under and "properties" in over:
        joined["properties"] = {**under["properties"], **over["properties"]}
    if "required" in under and "required" in over:
        joined["required"] = [*under["required"], *over["required"]]
    return joined


def _without_null(merged: dict[str, Any], root: Any) -> tuple[dict[str, Any], bool]:
    """A union without its null, and whether it had one; a union of one schema is that schema."""
    for key in ("anyOf", "oneOf"):
        parts = merged.get(key, ())
        others = [part for part in parts if part != _NULL]
        rest = {name: value for name, value in merged.items() if name != key}
        if len(others) == 1:
            return _joined(_merged(others[0], root, _MOST_REFS), rest), len(parts) > 1
        if len(others) < len(parts):
            return {**rest, key: others}, True
    return merged, False


def _types(schema: Mapping[str, Any]) -> list[str]:
    declared = schema.get("type")
    if isinstance(declared, str):
        return [declared]
    if isinstance(declared, list):
        return [name for name in declared if name != "integer" or "number" not in declared]
    if any(key in schema for key in ("anyOf", "oneOf")):
        return []
    return [name for key, name in (("properties", "object"), ("items", "array")) if key in schema]


def _kind(name: str, schema: Mapping[str, Any]) -> Kind:
    match name:
        case "string":
            return _string_kind(schema)
        case "number" | "integer" | "boolean":
            return name
        case "object" if schema.get("properties"):
            return "object"
        case "array" if schema.get("items") not in (None, True, False, {}):
            return "json" if "prefixItems" in schema else "array"
    return "json"


def _string_kind(schema: Mapping[str, Any]) -> Kind:
    form = schema.get("format", "")
    if form in _LONG_FORMATS or schema.get("maxLength", 0) > LONG:
        return "text"
    return _FORMATS.get(form, "string")


def _labelled(schema: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The values of an enum, a const or a union of consts, with their titles."""
    if "enum" in schema:
        return [("", value) for value in schema["enum"]]
    if "const" in schema:
        return [("", schema["const"])]
    parts = schema.get("oneOf") or schema.get("anyOf") or [{}]
    if all(isinstance(part, dict) and "const" in part for part in parts):
        return [(part.get("title", ""), part["const"]) for part in parts]
    return []


def _choices(values: Iterable[tuple[str, Any]]) -> tuple[Choice, ...]:
    """A token for each value: a text as it is, all else, and what could be taken so, as JSON."""
    listed = list(values)
    spelled = {json.dumps(value) for _, value in listed}
    return tuple(
        Choice(_token(value, spelled), title or _label(value), value) for title, value in listed
    )


def _token(value: Any, spelled: set[str]) -> str:
    if (
        isinstance(value, str)
        and value
        and value not in spelled
        and not re.search(r"[\r\n]", value)
    ):
        return value
    return json.dumps(value)


def _label(value: Any) -> str:
    match value:
        case None:
            return EMPTY
        case bool():
            return YES if value else NO
        case str() if value:
            return value.replace("_", " ")
    return json.dumps(value, ensure_ascii=False)


def chosen(choices: Iterable[Choice], value: Any) -> Choice | None:
    """The choice that stands for ``value``, if there is one."""
    return next((choice for choice in choices if same(choice.value, value)), None)
