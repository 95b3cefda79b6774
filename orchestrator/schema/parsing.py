"""What a form posted, as a JSON value, with what is wrong in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from orchestrator import strictjson
from orchestrator.exceptions import Refusal
from orchestrator.pointers import MISSING, child
from orchestrator.schema.advice import expected
from orchestrator.schema.checking import validate
from orchestrator.schema.posted import Node, read, unified
from orchestrator.schema.shapes import WRITTEN, Shape, Shapes, chosen, shapes_of
from orchestrator.tongue import gettext_noop, say

_FILL_ROW: Final = gettext_noop("Fill this in, or remove the row.")
_EMPTY_VALUES: Final[Mapping[str, Callable[[], Any]]] = {
    "absent": lambda: MISSING,
    "null": lambda: None,
    "text": str,
    "false": bool,
    "object": dict,
    "array": list,
}
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LIMIT: Final = 1 << 63
_LONGEST_NUMBER: Final = 400
_MOST_JSON: Final = 4 << 20


def parse(schema: Any, data: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """The value that a form posted, and a message for each path that is wrong.

    Where something cannot be read, the value holds the text that was typed.
    """
    shapes = shapes_of(schema)
    reader = _Reader(shapes)
    value = reader.read(read(data), shapes.root, "")
    if value is MISSING:
        value = {"object": {}, "array": []}.get(shapes.of(shapes.root).kind)
    for problem in validate(schema, value):
        reader.errors.setdefault(problem.path, problem.message)
    return value, reader.errors


class _Reader:
    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.errors: dict[str, str] = {}

    def read(self, node: Node, schema: Any, path: str) -> Any:
        """The value of one place, MISSING when there is none."""
        shape = self.shapes.of(schema)
        if node.is_json or shape.kind == "json":
            return self._json(node, path)
        if shape.kind == "object":
            return self._object(node, shape, path)
        if shape.kind == "array":
            return self._array(node, shape, path)
        if shape.kind in WRITTEN:
            return _line_ends(node.text or "", node.original) or self._empty(node, path)
        if shape.choices:
            return self._choice(node, shape, path) if node.text else self._empty(node, path)
        return self._number(node, shape, path)

    def _object(self, node: Node, shape: Shape, path: str) -> Any:
        read = {
            key: self.read(inner, shape.member(key), child(path, key))
            for key, inner in node.inside.items()
        }
        members = {key: value for key, value in read.items() if value is not MISSING}
        return members or self._empty(node, path)

    def _array(self, node: Node, shape: Shape, path: str) -> Any:
        items = shape.schema["items"]
        rows = [self._row(row, items, child(path, index)) for index, row in enumerate(node.rows())]
        return rows or self._empty(node, path)

    def _row(self, node: Node, schema: Any, path: str) -> Any:
        value = self.read(node, schema, path)
        if value is MISSING:
            self.errors[path] = say(_FILL_ROW)
            return None
        return value

    def _json(self, node: Node, path: str) -> Any:
        text = (node.text or "").strip()
        if not text:
            return self._empty(node, path)
        try:
            return strictjson.loads(text.encode(), max_bytes=_MOST_JSON)
        except Refusal as refusal:
            self.errors[path] = say(gettext_noop("Write this as JSON. %s")) % refusal.message
            return text

    def _choice(self, node: Node, shape: Shape, path: str) -> Any:
        text = node.text or ""
        for choice in shape.choices:
            if choice.token == text:
                return choice.value
        try:
            value = strictjson.loads(text.encode())
        except Refusal:
            value = text
        # A valid 1.0 among the choices 1 and 2 is posted as it is, and stays a float.
        if not chosen(shape.choices, value):
            self.errors[path] = expected(shape.kind)
        return value

    def _number(self, node: Node, shape: Shape, path: str) -> Any:
        text = (node.text or "").strip()
        if not text:
            return self._empty(node, path)
        plain = text.replace("\N{MINUS SIGN}", "-")
        if len(plain) > _LONGEST_NUMBER or not _NUMBER.fullmatch(plain):
            self.errors[path] = expected(shape.kind)
            return text
        value = int(plain) if _INTEGER.fullmatch(plain) else float(plain)
        if not -_LIMIT <= value < _LIMIT:
            self.errors[path] = say(gettext_noop("Give a number of at most 18 digits."))
            return text
        return value

    def _empty(self, node: Node, path: str) -> Any:
        """What the place stands for where nothing was given."""
        if node.empty == "new":
            self.errors[path] = say(_FILL_ROW)
            return None
        return _EMPTY_VALUES[node.empty]()


def _line_ends(text: str, original: str) -> str:
    """The text with line ends as the web has them, or as they were where nothing was edited."""
    plain = unified(text)
    try:
        before = strictjson.loads(original.encode()) if original else plain
    except Refusal:
        return plain
    return before if isinstance(before, str) and unified(before) == plain else plain
