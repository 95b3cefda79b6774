"""Which comparisons suit which facts: one that could never hold is no condition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator import wording
from orchestrator.comparing import kind_of
from orchestrator.definitions import Facts
from orchestrator.pointers import Problem, child
from orchestrator.schema.shapes import Shape
from orchestrator.telling import tongue

_ORDER: Final = ("lt", "le", "gt", "ge")
_SAME: Final = ("eq", "ne", "in", "exists")
_PARTS: Final = ("contains", "starts_with")
_EVERY: Final = tuple(wording.PHRASES)
_OPS: Final[Mapping[str, tuple[str, ...]]] = {
    "number": (*_SAME, *_ORDER),
    "integer": (*_SAME, *_ORDER),
    "boolean": _SAME,
    "array": ("contains", "exists"),
    "object": ("exists",),
}
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    "number": frozenset({"number"}),
    "integer": frozenset({"number"}),
    "boolean": frozenset({"bool"}),
    **dict.fromkeys(("string", "text", "date", "datetime"), frozenset({"text"})),
}


def ops_of(shape: Shape) -> tuple[str, ...]:
    """The comparisons that can hold for a fact of this shape."""
    if shape.kind != "enum":
        return _OPS.get(shape.kind, _EVERY)
    kinds = kinds_of(shape)
    order = _ORDER if "number" in kinds else ()
    return (*_SAME, *order, *(_PARTS if "text" in kinds else ()))


def kinds_of(shape: Shape) -> frozenset[str]:
    """The kinds of value that a fact of this shape can have; empty for any."""
    if shape.kind == "enum":
        return frozenset(kind_of(choice.value) for choice in shape.choices)
    return _KINDS.get(shape.kind, frozenset())


def misfits(condition: Any, facts: Facts, path: str = "") -> Iterator[Problem]:
    """The comparisons of a valid condition that could never hold, each with its place."""
    match condition:
        case {"all": list(parts)} | {"any": list(parts)}:
            for index, part in enumerate(parts):
                place = child(child(path, next(iter(condition))), index)
                yield from misfits(part, facts, place)
        case {"not": part}:
            yield from misfits(part, facts, child(path, "not"))
        case {"fact": str(fact), "op": str(op)}:
            shape = facts.shape(fact)
            if shape and (message := _misfit(condition, op, shape, facts)):
                yield Problem(path, message)


def _misfit(clause: Mapping[str, Any], op: str, shape: Shape, facts: Facts) -> str:
    name = wording.label(clause["fact"], tongue())
    if op not in ops_of(shape):
        words = {"fact": name, "op": _(wording.PHRASES.get(op, (op,))[0])}
        return _("Choose another comparison: “%(op)s” can never hold for %(fact)s.") % words
    if "fact2" in clause:
        other = facts.shape(clause["fact2"])
        if other and _apart(kinds_of(shape), kinds_of(other)):
            words = {"fact": name, "other": wording.label(clause["fact2"], tongue())}
            return _("%(fact)s and %(other)s are of different kinds.") % words
        return ""
    return "" if "value" not in clause else _unlike(clause["value"], op, shape, name)


def _apart(one: frozenset[str], other: frozenset[str]) -> bool:
    return bool(one) and bool(other) and one.isdisjoint(other)


def _unlike(value: Any, op: str, shape: Shape, name: str) -> str:
    if op in _PARTS or value is None:
        return ""
    values = value if op == "in" and isinstance(value, list) else [value]
    kinds = kinds_of(shape)
    if kinds and any(kind_of(item) not in kinds for item in values if item is not None):
        return _("This value is of another kind than %(fact)s.") % {"fact": name}
    if shape.kind == "enum" and op in _SAME:
        known = [choice.value for choice in shape.choices]
        if any(item not in known for item in values):
            options = ", ".join(wording.shown(item, tongue()) for item in known)
            return _("%(fact)s is one of %(options)s.") % {"fact": name, "options": options}
    return ""
