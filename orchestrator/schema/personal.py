"""Which places of a document a schema calls personal: ``x-personal: true``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from orchestrator.pointers import child

MARK: Final = "x-personal"
_SAME_PLACE: Final = ("allOf", "anyOf", "oneOf")
_SAME: Final = ("if", "then", "else")


def personal_paths(schema: Any) -> set[str]:
    """Pointers to what is marked, or to the holder of it where its own name is not fixed.

    A mark on the items of a list makes the whole list personal, one below a pattern or a
    reference the object that has it.
    """
    return set(_marked(schema, ""))


def _marked(schema: Any, path: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):
        return
    if schema.get(MARK) is True:
        yield path
        return
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        yield from _marked(inner, child(path, name))
    for inner in _alternatives(schema):
        yield from _marked(inner, path)
    if any(_mentions(value) for key, value in schema.items() if key not in _FOLLOWED):
        yield path


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Any]:
    for key in _SAME_PLACE:
        found = schema.get(key)
        yield from found if isinstance(found, list) else ()
    yield from (schema[key] for key in _SAME if key in schema)


_FOLLOWED: Final = {"properties", *_SAME_PLACE, *_SAME}


def _mentions(value: Any) -> bool:
    """Whether a mark stands somewhere in this part of a schema."""
    if isinstance(value, Mapping):
        return value.get(MARK) is True or any(map(_mentions, value.values()))
    return isinstance(value, list) and any(map(_mentions, value))
