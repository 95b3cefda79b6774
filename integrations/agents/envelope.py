"""The schema that a model is asked to fill: the step's own, in a shape that every model takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.pointers import MISSING, split

INNER = "value"
NUMBER = {"type": "number", "minimum": 0, "maximum": 1}
# Models want an object at the top, described right there.
INDIRECT = {"$ref", "allOf", "anyOf", "oneOf", "not", "if", "enum", "const"}
DEFINITIONS = ("$defs", "definitions")
# What OpenAI takes under "strict"; other servers take this and more.
STRICT = {
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "description", "enum",
    "exclusiveMaximum", "exclusiveMinimum", "format", "items", "maxItems", "maximum", "minItems",
    "minimum", "multipleOf", "pattern", "properties", "required", "title", "type",
}  # fmt: skip
STRICT_FORMATS = {
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uuid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Envelope:
    """``schema`` is what is asked for; ``pointer`` is where the step's output is in the answer.

    The members named in ``beside`` are asked for next to the output and are no part of it.
    """

    schema: Mapping[str, Any]
    pointer: str
    beside: frozenset[str]

    def output(self, answer: Any) -> Any:
        """The step's output out of an answer, MISSING where there is none."""
        if not isinstance(answer, dict):
            return MISSING if self.pointer else answer
        if self.pointer:
            return answer.get(INNER, MISSING)
        return {name: member for name, member in answer.items() if name not in self.beside}


def enclose(schema: Mapping[str, Any], *, whole: str = "", fields: str = "") -> Envelope:
    """An envelope that also asks for the confidences at the pointers ``whole`` and ``fields``.

    What the step's schema has itself stays part of the output and is asked for once.
    """
    is_object = schema.get("type") == "object" and not INDIRECT & schema.keys()
    top = dict(schema) if is_object else _around(schema)
    known = top.get("properties", {})
    numbers = dict.fromkeys(_first(whole), NUMBER) | {
        name: _number_each(schema) for name in _first(fields)
    }
    beside = {name: asked for name, asked in numbers.items() if name not in known}
    if beside:
        top["properties"] = {**known, **beside}
        top["required"] = [*top.get("required", ()), *beside]
    return Envelope(top, "" if is_object else f"/{INNER}", frozenset(beside))


def fits_strict(schema: Any) -> bool:
    """Whether a schema keeps to the part of JSON Schema that OpenAI can enforce."""
    if not isinstance(schema, dict) or not schema or schema.keys() - STRICT:
        return False
    if schema.get("format", "date") not in STRICT_FORMATS:
        return False
    members = schema.get("properties", {})
    is_object = schema.get("type") == "object" or "properties" in schema
    if is_object and not _is_closed(schema, members):
        return False
    inner = [*members.values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", ())]
    items = [schema["items"]] if "items" in schema else []
    return all(fits_strict(part) for part in inner + items)


def _is_closed(schema: Mapping[str, Any], members: Mapping[str, Any]) -> bool:
    """Every member is named and none may be absent."""
    named = set(schema.get("required", ()))
    return schema.get("additionalProperties") is False and named == members.keys()


def _around(schema: Mapping[str, Any]) -> dict[str, Any]:
    # References start at the top, so what they point to moves there.
    moved = {name: schema[name] for name in DEFINITIONS if name in schema}
    inner = {name: part for name, part in schema.items() if name not in moved}
    return {
        "type": "object",
        "properties": {INNER: inner},
        "required": [INNER],
        "additionalProperties": False,
        **moved,
    }


def _first(pointer: str) -> tuple[str, ...]:
    return split(pointer)[:1]


def _number_each(schema: Mapping[str, Any]) -> dict[str, Any]:
    """An object with a number for each member of the output, as far as they are known."""
    names = schema.get("properties", {})
    if not names:
        return {"type": "object", "additionalProperties": NUMBER}
    return {
        "type": "object",
        "properties": dict.fromkeys(names, NUMBER),
        "required": list(names),
        "additionalProperties": False,
    }
