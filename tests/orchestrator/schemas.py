"""A schema with one of everything, and a browser for its forms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.schema import Field, fields

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["kind", "amount", "urgent"],
    "properties": {
        "kind": {"enum": ["refund", "wrong_item"], "title": "What is wanted"},
        "amount": {"type": "number", "minimum": 0, "maximum": 500, "description": "In euros."},
        "urgent": {"type": "boolean"},
        "note": {"type": "string", "maxLength": 20},
        "due": {"type": ["string", "null"], "format": "date"},
        "address": {
            "type": "object",
            "required": ["city"],
            "properties": {"city": {"type": "string"}, "zipCode": {"type": "string"}},
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku"],
                "properties": {"sku": {"type": "string", "minLength": 1}, "n": {"type": "integer"}},
            },
        },
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
REFUND: dict[str, Any] = {
    "kind": "refund",
    "amount": 12.5,
    "urgent": False,
    "items": [{"sku": "A", "n": 1}, {"sku": "B"}, {"sku": "C"}],
}


def by_path(drawn: list[Field]) -> dict[str, Field]:
    found = {field.path: field for field in drawn}
    for field in drawn:
        found |= by_path(list(field.children))
    return found


def form(value: Any, schema: Any = ORDER, **more: Any) -> dict[str, Field]:
    return by_path(fields(schema, value, **more))


def post(value: Any, schema: Any = ORDER) -> dict[str, str]:
    return posted(fields(schema, value))


def posted(drawn: Iterable[Field]) -> dict[str, str]:
    """What a browser posts for these fields."""
    data: dict[str, str] = {}
    for field in drawn:
        data.update({name: crlf(value) for name, value in field.hidden})
        if field.kind in {"object", "array"}:
            data.update(posted(field.children))
        elif field.kind == "boolean" and not field.choices:
            data.update({field.name: "true"} if field.text == "true" else {})
        else:
            data[field.name] = control(field)
    return data


def control(field: Field) -> str:
    """What HTML does to the value of a control on its way."""
    if field.choices:
        assert field.text in [token for token, _ in field.choices]
        return crlf(field.text)
    if field.kind in {"text", "json"}:
        return crlf(field.text)
    line = field.text.replace("\r", "").replace("\n", "")
    if field.kind == "date" and line:
        year, month, day = line.split("-")
        assert (len(year), len(month), len(day)) == (4, 2, 2)
    return line


def crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
