"""The form of a JSON value: a tree of fields that templates draw without further thought."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from orchestrator.pointers import MISSING, child
from orchestrator.schema.checking import validate
from orchestrator.schema.encoding import encode
from orchestrator.schema.posted import Node, hidden, name_of, read, unified
from orchestrator.schema.shapes import EMPTY, LONG, WORDS, Choice, Kind, Shape, Shapes, shapes_of
from orchestrator.tongue import gettext_noop, say

_BLANK: Final = Node()
_NOT_GIVEN: Final = gettext_noop("Not given")
_VALUE: Final = gettext_noop("Value")


@dataclass(frozen=True, slots=True)
class Field:
    """One control, or a group of them.

    ``kind`` says which: string, text (several lines), number, integer, boolean, enum, date,
    datetime, object, array, json. ``name`` is the control's, ``text`` what stands in it, to be
    escaped and otherwise left as it is. ``choices`` are pairs of posted value and label, to be
    drawn as a select or radio buttons; a boolean without choices is a checkbox that posts
    ``true``. ``hidden`` are pairs of name and value of hidden inputs that go with the control,
    a group's too. ``children`` are the fields of an object, the rows of an array. ``given``
    is False where there is nothing yet; ``removable`` where ``schema.drop`` may take it away.
    ``error`` says what to do. ``confidence`` is the agent's, 0 to 1.
    """

    path: str
    name: str
    label: str
    kind: Kind
    text: str = ""
    help: str = ""
    error: str = ""
    required: bool = False
    nullable: bool = False
    given: bool = True
    removable: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    hidden: tuple[tuple[str, str], ...] = ()
    children: tuple[Field, ...] = ()
    confidence: float | None = None
    max_length: int | None = None


def fields(
    schema: Any,
    value: Any,
    *,
    confidence: Mapping[str, float] | None = None,
    raw: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """The fields of ``value``, or of what was posted when ``raw`` is given, mistakes and all.

    ``confidence`` maps JSON pointers into the value to numbers, ``errors`` pointers to
    messages, as ``parse`` gives them; without ``errors`` the value is validated here. None or
    MISSING for a value that may not be null is an empty form.
    """
    shapes = shapes_of(schema)
    shape = shapes.of(shapes.root)
    empty = value is MISSING or (value is None and validate(schema, None) != [])
    if errors is None:
        problems = [] if empty or raw is not None else validate(schema, value)
        errors = {problem.path: problem.message for problem in reversed(problems)}
    if raw is not None:
        node = read(raw)
    elif value is None and shape.kind == "object" and not empty:
        node = Node(text="null", is_json=True)
    else:
        node = encode(MISSING if empty else value, shapes.root, shapes, required=True)
    drawing = _Drawing(shapes, errors, confidence or {})
    whole = drawing.draw(node, shapes.root, _Place("", "", say(_VALUE)))
    return list(whole.children) if whole.kind == "object" else [whole]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field stands. ``origin`` is the path that it had in the agent's output, if any."""

    path: str
    origin: str | None
    label: str
    number: int | None = None
    required: bool = True
    optional: bool = False
    in_nothing: bool = False


@dataclass(frozen=True, slots=True)
class _Drawing:
    shapes: Shapes
    errors: Mapping[str, str]
    confidence: Mapping[str, float]

    def draw(self, node: Node, schema: Any, place: _Place) -> Field:
        shape = self.shapes.of(schema)
        # Of an object that is not there, one level is drawn: a schema may contain itself.
        if shape.kind == "object" and place.in_nothing and not node.is_given():
            node = Node(is_json=True)
        if node.is_json or shape.kind == "json":
            return self._json(node, shape, place)
        if shape.kind == "object":
            return self._object(node, shape, place)
        if shape.kind == "array":
            return self._array(node, shape, place)
        return self._control(node, shape, place)

    def _field(self, node: Node, shape: Shape, place: _Place, **own: Any) -> Field:
        """A field with what all have, and with what is its ``own``."""
        common: dict[str, Any] = {
            "path": place.path,
            "name": name_of("f", place.path),
            "label": _label(shape, place),
            "kind": shape.kind,
            "help": shape.schema.get("description", ""),
            "error": self.errors.get(place.path, ""),
            "required": place.required,
            "nullable": shape.nullable,
            "hidden": hidden(node, place.path),
            "confidence": self._confidence(place.origin),
        }
        return Field(**(common | own))

    def _confidence(self, origin: str | None) -> float | None:
        found: Any = None if origin is None else self.confidence.get(origin)
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return found if 0 <= found <= 1 else None

    def _json(self, node: Node, shape: Shape, place: _Place) -> Field:
        within = (text for path, text in self.errors.items() if path.startswith(f"{place.path}/"))
        error = self.errors.get(place.path) or next(within, "")
        text = unified(node.text or "")
        return self._field(
            node, shape, place, kind="json", text=text, error=error, given=bool(text)
        )

    def _object(self, node: Node, shape: Shape, place: _Place) -> Field:
        given = node.is_given() or not place.path
        keys = [*shape.properties, *(key for key in node.inside if key not in shape.properties)]
        children = tuple(self._member(node, shape, place, key, given=given) for key in keys)
        removable = place.optional and given
        return self._field(node, shape, place, children=children, given=given, removable=removable)

    def _member(self, node: Node, shape: Shape, place: _Place, key: str, *, given: bool) -> Field:
        required = shape.requires(key)
        inside = _Place(
            path=child(place.path, key),
            origin=None if place.origin is None else child(place.origin, key),
            label=_humanised(key),
            required=required and given,
            optional=not required,
            in_nothing=not given,
        )
        return self.draw(node.inside.get(key, _BLANK), shape.member(key), inside)

    def _array(self, node: Node, shape: Shape, place: _Place) -> Field:
        rows = tuple(
            self.draw(
                row, shape.schema["items"], _row_place(place, row, index, _label(shape, place))
            )
            for index, row in enumerate(node.rows())
        )
        given = node.is_given()
        removable = place.optional and given
        return self._field(node, shape, place, children=rows, given=given, removable=removable)

    def _control(self, node: Node, shape: Shape, place: _Place) -> Field:
        text = unified(node.text or "")
        return self._field(
            node,
            shape,
            place,
            kind=_control_kind(shape.kind, text, node.original),
            text=text,
            given=node.is_given(),
            choices=_offered(node, shape, text, place),
            max_length=shape.schema.get("maxLength"),
        )


def _label(shape: Shape, place: _Place) -> str:
    label = shape.schema.get("title") or place.label
    return label if place.number is None else f"{label} {place.number}"


def _row_place(place: _Place, row: Node, index: int, label: str) -> _Place:
    known = row.empty != "new" and place.origin is not None
    origin = child(place.origin or "", row.was or index) if known else None
    return _Place(child(place.path, index), origin, label, number=index + 1)


def _control_kind(kind: Kind, text: str, original: str) -> Kind:
    """The kind of control that harms ``text`` not: a line cannot hold two, a date no word."""
    if kind == "date" and text and not _is_date(text):
        kind = "string"
    if kind in {"string", "datetime"} and ("\n" in text or original or len(text) > LONG):
        return "text"
    return kind


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _offered(node: Node, shape: Shape, text: str, place: _Place) -> tuple[tuple[str, str], ...]:
    """The choices, with one for nothing where that may be, and one for what should not be."""
    if not shape.choices or (shape.kind == "boolean" and node.empty == "false"):
        return ()
    offered = [(choice.token, _named(choice)) for choice in shape.choices]
    if not text or shape.nullable or not place.required:
        offered.insert(0, ("", say(EMPTY if node.empty == "null" else _NOT_GIVEN)))
    if text and all(token != text for token, _ in offered):
        offered.append((text, text))
    return tuple(offered)


def _named(choice: Choice) -> str:
    """The words of the house in the reader's language; those of the schema as they are."""
    return say(choice.label) if choice.label in WORDS else choice.label


def _humanised(key: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key).replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else key
