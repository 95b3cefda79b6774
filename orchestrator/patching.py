"""RFC 6902 patches, applied to a copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

from orchestrator.canonical import same
from orchestrator.exceptions import Invalid
from orchestrator.pointers import INDEX, MISSING, child, split, step_into

_WITH_VALUE = frozenset({"add", "replace", "test"})
_WITH_FROM = frozenset({"move", "copy"})


def apply(document: Any, patch: Iterable[Mapping[str, Any]]) -> Any:
    """``document`` after all operations of an RFC 6902 patch; neither is changed.

    Raises Invalid, naming the operation that cannot be done.
    """
    document = _copied(document)
    for number, operation in enumerate(patch):
        try:
            document = _performed(document, operation)
        except (ValueError, LookupError) as error:
            problem = {"path": child("", number), "message": str(error.args[0])}
            raise Invalid("The patch cannot be applied.", problems=[problem]) from error
    return document


def _performed(document: Any, operation: Mapping[str, Any]) -> Any:
    op, path = operation.get("op"), split(_text(operation, "path"))
    if op == "remove":
        return _removed(document, path)
    if op in _WITH_VALUE:
        if "value" not in operation:
            raise ValueError(f"The operation {op} needs a value.")
        return _with_value(op, document, path, operation["value"])
    if op in _WITH_FROM:
        return _with_from(op, document, path, _text(operation, "from"))
    raise ValueError("Choose one of add, remove, replace, move, copy and test.")


def _text(operation: Mapping[str, Any], key: str) -> str:
    match operation.get(key):
        case str(value):
            return value
    raise ValueError(f"The operation needs a {key}, a JSON pointer.")


def _with_value(op: Any, document: Any, path: tuple[str, ...], value: Any) -> Any:
    if op == "add":
        return _added(document, path, _copied(value))
    there = _found(document, path)
    if op == "replace":
        return _replaced(document, path, _copied(value))
    if not same(there, value):
        raise ValueError("The value there is another one.")
    return document


def _with_from(op: Any, document: Any, path: tuple[str, ...], source: str) -> Any:
    start = split(source)
    value = _found(document, start)
    if op == "copy":
        return _added(document, path, _copied(value))
    if path[: len(start)] == start and path != start:
        raise ValueError("Nothing can move into itself.")
    return _added(_removed(document, start), path, value) if path != start else document


def _found(document: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        document = step_into(document, part)
    if document is MISSING:
        raise LookupError(f"There is nothing at {_pointer(path)}.")
    return document


def _added(document: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    match _found(document, path[:-1]):
        case dict() as members:
            members[path[-1]] = value
        case list() as items:
            items.insert(_place(items, path), value)
        case _:
            raise LookupError(f"{_pointer(path[:-1])} is neither an object nor an array.")
    return document


def _place(holder: list[Any], path: tuple[str, ...]) -> int:
    """Where in an array a new item goes: ``-`` is its end."""
    last = path[-1]
    if last == "-":
        return len(holder)
    if len(last) < 10 and INDEX.fullmatch(last) and int(last) <= len(holder):
        return int(last)
    raise LookupError(f"There is no place {_pointer(path)}.")


def _removed(document: Any, path: tuple[str, ...]) -> Any:
    if not path:
        raise ValueError("The whole value cannot be removed.")
    _found(document, path)
    holder, key = _holder(document, path)
    del holder[key]
    return document


def _replaced(document: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    holder, key = _holder(document, path)
    holder[key] = value
    return document


def _holder(document: Any, path: tuple[str, ...]) -> tuple[Any, Any]:
    """What holds the value at ``path``, which is there, and the key or index it has in it."""
    holder, last = _found(document, path[:-1]), path[-1]
    return holder, int(last) if isinstance(holder, list) else last


def _pointer(path: tuple[str, ...]) -> str:
    return reduce(child, path, "") or "the top"


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value
