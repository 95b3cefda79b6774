"""Which places a JSON Schema has: what a pointer into a value of it can name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.pointers import INDEX, child, split
from orchestrator.schema import check_schema
from orchestrator.schema.shapes import Shape, shapes_of

# Keywords under which a member may exist that ``properties`` does not name.
_LOOSE: Final = frozenset({"patternProperties", "if", "dependentSchemas", "$dynamicRef"})
_DEEPEST: Final = 4


def is_pointer(text: Any) -> bool:
    return isinstance(text, str) and (text == "" or text.startswith("/"))


class Places:
    """The places of one schema; of a schema that cannot be used, every place."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._shapes = shapes_of({} if check_schema(schema) else schema)

    def at(self, pointer: str) -> Shape | None:
        """The shape of a place; one of kind json where that is open; None where nothing is."""
        return self._find(self._shapes.root, split(pointer))

    def leaves(self, pointer: str = "", depth: int = _DEEPEST) -> Iterator[tuple[str, Shape]]:
        """The places that a rule can look at, of an array its first item; at most 4 deep."""
        shape = self.at(pointer)
        if shape is None or depth == 0:
            return
        if pointer and shape.kind != "object":
            yield pointer, shape
        members: list[str | int] = [*shape.properties] if shape.kind == "object" else []
        for part in [0] if shape.kind == "array" else members:
            yield from self.leaves(child(pointer, part), depth - 1)

    def _find(self, schema: Any, parts: tuple[str, ...]) -> Shape | None:
        shape = self._shapes.of(schema)
        if not parts:
            return shape
        for key in ("anyOf", "oneOf"):
            found = [self._find(part, parts) for part in shape.schema.get(key, ())]
            if any(found):
                return next(filter(None, found))
        inner = _inner(shape, parts[0])
        return None if inner is None else self._find(inner, parts[1:])


def _inner(shape: Shape, part: str) -> Any:
    """The subschema one step below, ``{}`` where anything may be, None where nothing is."""
    types = shape.schema.get("type", ["object", "array"])
    if "array" in types and (part == "-" or INDEX.fullmatch(part)):
        return shape.schema.get("items", {})
    if "object" not in types:
        return None
    if part in shape.properties:
        return shape.properties[part]
    return _undeclared(shape)


def _undeclared(shape: Shape) -> Any:
    """Below an object that names its members there is nothing else, unless it says so."""
    if "additionalProperties" in shape.schema:
        return shape.schema["additionalProperties"] or None
    is_open = not shape.properties or not _LOOSE.isdisjoint(shape.schema)
    return {} if is_open and shape.kind != "enum" else None
