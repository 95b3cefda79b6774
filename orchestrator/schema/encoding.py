"""A JSON value as what its form would post, so that pages are drawn from one thing only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from orchestrator.pointers import MISSING
from orchestrator.schema.posted import Empty, Node
from orchestrator.schema.shapes import WRITTEN, Shape, Shapes, chosen

# Larger than this, an array is edited as JSON: a page of a thousand inputs helps nobody.
_MOST_LEAVES: Final = 200
_MOST_EXTRAS: Final = 30
_LONGEST_INDENTED: Final = 50_000


def encode(value: Any, schema: Any, shapes: Shapes, *, required: bool) -> Node:
    """The tree that reads back as exactly ``value`` when nothing is edited."""
    if value is MISSING:
        return Node()
    shape = shapes.of(schema)
    if shape.kind == "object":
        return _object(value, shape, shapes)
    if shape.kind == "array":
        return _array(value, shape, shapes)
    if shape.kind == "json":
        return Node(text=_pretty(value))
    return _scalar(value, shape, required=required)


def _object(value: Any, shape: Shape, shapes: Shapes) -> Node:
    if value is None:
        return Node(empty="null")
    if not isinstance(value, dict) or len(value.keys() - shape.properties.keys()) > _MOST_EXTRAS:
        return _as_json(value)
    inside = {
        key: encode(member, shape.member(key), shapes, required=shape.requires(key))
        for key, member in value.items()
    }
    return Node(empty="object", inside=inside)


def _array(value: Any, shape: Shape, shapes: Shapes) -> Node:
    if value is None:
        return Node(empty="null")
    if not isinstance(value, list) or _leaves(value) > _MOST_LEAVES:
        return _as_json(value)
    items = shape.schema["items"]
    rows = [encode(item, items, shapes, required=True) for item in value]
    return Node(empty="array", inside={str(index): row for index, row in enumerate(rows)})


def _scalar(value: Any, shape: Shape, *, required: bool) -> Node:
    text = _text(value, shape)
    if text is None:
        return _as_json(value)
    original = json.dumps(value) if isinstance(value, str) and "\r" in value else ""
    return Node(text=text, empty=_empty(value, shape, required=required), original=original)


def _text(value: Any, shape: Shape) -> str | None:
    """What stands in the control, None where it could not stand there unharmed."""
    if shape.choices and (choice := chosen(shape.choices, value)):
        exact = type(choice.value) is type(value)
        return choice.token if exact else json.dumps(value)
    if value is None:
        return ""
    if isinstance(value, str):
        written = shape.kind in WRITTEN or not ("\n" in value or "\r" in value)
        return value if written else None
    return None if isinstance(value, dict | list) else json.dumps(value)


def _empty(value: Any, shape: Shape, *, required: bool) -> Empty:
    """What the control will stand for once it is empty."""
    if value is None:
        return "null"
    if shape.kind == "boolean" and isinstance(value, bool) and required and not shape.nullable:
        return "false"
    if shape.kind in WRITTEN and value == "":
        return "text"
    if shape.nullable:
        return "null"
    if shape.kind not in WRITTEN or (not required and _refuses_blank(shape.schema)):
        return "absent"
    return "text"


def _refuses_blank(schema: Mapping[str, Any]) -> bool:
    return schema.get("minLength", 0) > 0 or "pattern" in schema or "format" in schema


def _as_json(value: Any) -> Node:
    return Node(text=_pretty(value), is_json=True)


def _pretty(value: Any) -> str:
    compact = json.dumps(value, ensure_ascii=False)
    if len(compact) > _LONGEST_INDENTED:
        return compact
    return json.dumps(value, ensure_ascii=False, indent=2)


def _leaves(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_leaves, value.values()))
    return 1 + sum(map(_leaves, value)) if isinstance(value, list) else 1
