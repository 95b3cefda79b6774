"""A JSON Schema as text: read with the line of each mistake, and edited field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import definitions, schema
from orchestrator.admin.fields import unkept
from orchestrator.exceptions import Invalid
from orchestrator.pointers import Problem, child
from orchestrator.schema.shapes import Shape, shapes_of

KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,79}")
LONGEST: Final = 200_000
_LINE: Final = re.compile(r"line (\d+)")

# What a simple field can be -> its schema, and what people read.
TYPES: Final[Mapping[str, tuple[dict[str, Any], Any]]] = {
    "text": ({"type": "string"}, gettext_lazy("text")),
    "long": ({"type": "string", "format": "textarea"}, gettext_lazy("long text")),
    "number": ({"type": "number"}, gettext_lazy("number")),
    "integer": ({"type": "integer"}, gettext_lazy("whole number")),
    "boolean": ({"type": "boolean"}, gettext_lazy("yes or no")),
    "date": ({"type": "string", "format": "date"}, gettext_lazy("date")),
    "datetime": ({"type": "string", "format": "date-time"}, gettext_lazy("date and time")),
    "choice": ({}, gettext_lazy("one of a list")),
    "texts": ({"type": "array", "items": {"type": "string"}}, gettext_lazy("several texts")),
}
# What only the text can say, as people read it.
_WRITTEN: Final[Mapping[str, Any]] = {
    "object": gettext_lazy("fields of its own"),
    "array": gettext_lazy("a list"),
}
_KINDS: Final = {"string": "text", "text": "long", "enum": "choice", "array": "texts"}


@dataclass(frozen=True, slots=True)
class Said:
    """A mistake in the text; ``line`` is None where it is nowhere in particular."""

    line: int | None
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """A text and what it says: ``schema`` is None where it cannot be used."""

    text: str
    schema: dict[str, Any] | None
    said: list[Said]


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of the outermost object."""

    key: str
    title: str
    type: str
    required: bool


def drawn(text: str) -> Drawn:
    """What a text says, or where it goes wrong."""
    if message := _("The text is too long.") if len(text) > LONGEST else unkept(text):
        return Drawn(text, None, [Said(None, "", message)])
    try:
        found = definitions.value(text) if text.strip() else {}
    except Invalid as error:
        line = _LINE.search(error.message)
        return Drawn(text, None, [Said(int(line[1]) if line else None, "", error.message)])
    problems = schema.check_schema(found)
    if not problems:
        return Drawn(text, found, [])
    lines = dict(_lines(yaml.compose(text, Loader=yaml.SafeLoader), ""))
    said = [Said(_nearest(lines, p.path), p.path, _plain(p)) for p in problems]
    return Drawn(text, None, said)


def _lines(node: yaml.Node | None, path: str) -> Iterator[tuple[str, int]]:
    """Each place of a text with its line. Only of a text that was read: it holds no alias."""
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            place = child(path, key.value)
            yield from _lines(value, place)
            yield place, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _lines(item, child(path, index))


def _plain(problem: Problem) -> str:
    if problem.path.endswith("/type"):
        return _("A type is one of string, number, integer, boolean, object, array and null.")
    return problem.message


def _nearest(lines: Mapping[str, int], path: str) -> int | None:
    while path not in lines and path:
        path = path.rpartition("/")[0]
    return lines.get(path)


def rows_of(definition: Mapping[str, Any]) -> list[FieldRow]:
    """The fields of the outermost object in their order, which is that of the form."""
    shapes = shapes_of(definition)
    shape = shapes.of(shapes.root)
    return [
        FieldRow(key, _title(member), _type(shapes.of(member)), shape.requires(key))
        for key, member in shape.properties.items()
    ]


def _title(member: Any) -> str:
    return str(member.get("title", "")) if isinstance(member, dict) else ""


def _type(shape: Shape) -> str:
    name = _KINDS.get(shape.kind, shape.kind)
    if shape.kind == "array" and shape.schema.get("items", {}).get("type") != "string":
        name = "array"
    words = TYPES[name][1] if name in TYPES else _WRITTEN.get(str(shape.schema.get("type", "")))
    return str(words) if words else _("as in the text")


def changed(definition: dict[str, Any], act: str, post: Mapping[str, str]) -> dict[str, Any]:
    """The schema after a button of the field editor. Raises ValidationError saying what to give."""
    act, _colon, key = act.partition(":")
    if act == "add":
        return _added(definition, post)
    properties = definition.get("properties", {})
    if key not in properties:
        raise ValidationError(_("There is no field %(key)r.") % {"key": key})
    if act == "remove":
        return _without(definition, key)
    keys = list(properties)
    at = keys.index(key)
    keys.insert(max(0, at + (-1 if act == "up" else 1)), keys.pop(at))
    return definition | {"properties": {name: properties[name] for name in keys}}


def _added(definition: dict[str, Any], post: Mapping[str, str]) -> dict[str, Any]:
    key = post.get("new_key", "").strip()
    properties = definition.get("properties", {})
    if not KEY.fullmatch(key):
        message = _("Give the field a key of letters, digits and _, such as total_amount.")
        raise ValidationError(message)
    if key in properties:
        raise ValidationError(_("There is a field %(key)r already.") % {"key": key})
    title = post.get("new_title", "").strip()
    member = ({"title": title} if title else {}) | _member(post)
    required = list(definition.get("required", []))
    if "new_required" in post:
        required.append(key)
    found = {"type": "object"} | definition
    found["properties"] = properties | {key: member}
    return found | ({"required": required} if required else {})


def _member(post: Mapping[str, str]) -> dict[str, Any]:
    kind = post.get("new_type", "")
    if kind not in TYPES:
        raise ValidationError(_("Choose a type."))
    if kind != "choice":
        return dict(TYPES[kind][0])
    listed = [text.strip() for text in post.get("new_choices", "").split(",")]
    choices = list(dict.fromkeys(filter(None, listed)))
    if not choices:
        raise ValidationError(_("Give the choices with commas, such as travel, food, other."))
    return {"enum": choices}


def _without(definition: dict[str, Any], key: str) -> dict[str, Any]:
    properties = {name: part for name, part in definition["properties"].items() if name != key}
    required = [name for name in definition.get("required", []) if name != key]
    rest = {name: part for name, part in definition.items() if name != "required"}
    return rest | ({"required": required} if required else {}) | {"properties": properties}
