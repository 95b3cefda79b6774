"""A JSON document as calm indented lines, and small lists of like objects as tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.utils.translation import gettext as _

MAX_LINES: Final = 400
MAX_TABLE: Final = 50
MAX_COLUMNS: Final = 5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a JSON document: how deep, its key, its kind and what is shown.

    A ``table`` holds a list of like objects: its ``columns``, and in ``cells`` its rows.
    """

    depth: int
    key: str
    kind: str
    text: str = ""
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()


def json_lines(value: Any) -> list[Line]:
    """A JSON document as calm indented lines, at most ``MAX_LINES``."""
    lines: list[Line] = []
    for line in _walk(value, "", 0):
        if len(lines) == MAX_LINES:
            return [*lines, Line(0, "", "empty", "…")]
        lines.append(line)
    return lines


def _walk(value: Any, key: str, depth: int) -> Iterator[Line]:
    if not isinstance(value, dict | list):
        yield Line(min(depth, 6), key, _kind(value), scalar(value))
        return
    if columns := _columns(value):
        cells = tuple(tuple(scalar(row.get(name, "")) for name in columns) for row in value)
        yield Line(min(depth, 6), key, "table", columns=columns, cells=cells)
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    if key or not value:
        yield Line(min(depth, 6), key, "empty", "" if value else _("empty"))
        depth += 1
    for name, member in pairs:
        yield from _walk(member, str(name), depth)


def _columns(value: Any) -> tuple[str, ...]:
    """The columns of a list of small flat objects, none where a table would not fit."""
    if not isinstance(value, list) or not 1 < len(value) <= MAX_TABLE:
        return ()
    if not all(isinstance(row, dict) and _is_flat(row) for row in value):
        return ()
    names = tuple(dict.fromkeys(name for row in value for name in row))
    return names if len(names) <= MAX_COLUMNS else ()


def _is_flat(row: dict[str, Any]) -> bool:
    return bool(row) and not any(isinstance(cell, dict | list) for cell in row.values())


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def scalar(value: Any) -> str:
    """Text and numbers as they are, the rest of JSON in words."""
    if value is None:
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
