"""One comparison as a row that a form can show, and back."""

from __future__ import annotations

import json
import re
from typing import Any, Final, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from orchestrator import wording
from orchestrator.definitions import Facts
from orchestrator.schema.shapes import Shape

NEGATED: Final = ("in", "contains", "starts_with", "exists")
OPS: Final = [
    *((op, gettext_lazy(words[0])) for op, words in wording.PHRASES.items()),
    *((f"not {op}", gettext_lazy(wording.PHRASES[op][1])) for op in NEGATED),
]
# shape -> what is typed for it
KINDS: Final = {
    "string": gettext_noop("a text"),
    "text": gettext_noop("a text"),
    "number": gettext_noop("a number"),
    "integer": gettext_noop("an integer"),
    "boolean": gettext_noop("yes or no"),
    "date": gettext_noop("a date"),
    "datetime": gettext_noop("a datetime"),
    "object": gettext_noop("an object"),
    "array": gettext_noop("a list"),
    "json": gettext_noop("anything"),
}
_TEXTS: Final = frozenset({"string", "text", "date", "datetime"})
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,3})?")
_ANY: Final = Shape("json", {})


class Row(NamedTuple):
    """One comparison as it is typed; ``op`` may start with "not ". Value or fact2 is given."""

    fact: str
    op: str
    value: str = ""
    fact2: str = ""


def clause_of(row: Row, facts: Facts) -> dict[str, Any]:
    """The comparison of one row. Raises ValidationError saying what to give."""
    op = row.op.removeprefix("not ")
    clause: dict[str, Any] = {"fact": row.fact, "op": op}
    if op == "exists":
        if row.value or row.fact2:
            raise ValidationError(_("Leave the value out: this compares with nothing."))
    elif row.fact2 and row.value:
        raise ValidationError(_("Give either a value or another fact."))
    elif row.fact2:
        clause["fact2"] = row.fact2
    else:
        clause["value"] = value_of(row.value, op, facts.shape(row.fact) or _ANY)
    return {"not": clause} if op != row.op else clause


def value_of(text: str, op: str, shape: Shape) -> Any:
    """What somebody means who types this beside a fact. Raises ValidationError."""
    if not text.strip():
        raise ValidationError(_("Give a value, or choose a fact to compare with."))
    if op != "in":
        return _scalar(text, op, shape)
    if text.lstrip().startswith("["):
        return _json(text)
    return [_scalar(part.strip(), op, shape) for part in text.split(",") if part.strip()]


def text_of(value: Any, op: str, shape: Shape) -> str:
    if op == "in" and isinstance(value, list):
        plain = ", ".join(shown(item, shape) for item in value)
        try:
            same = exact(value_of(plain, op, shape)) == exact(value)
        except ValidationError:
            same = False
        return plain if same else json.dumps(value, ensure_ascii=False)
    return shown(value, shape)


def expected(shape: Shape) -> str:
    """What can be typed beside a fact of this shape."""
    if shape.choices and shape.kind == "enum":
        return ", ".join(shown(choice.value, shape) for choice in shape.choices)
    return _(KINDS.get(shape.kind, shape.kind))


def row_of(part: Any, facts: Facts) -> Row:
    """The row of a comparison. Raises KeyError, TypeError or ValidationError where it has none."""
    negated = list(part) == ["not"]
    clause = part["not"] if negated else part
    op = clause["op"]
    if negated and op not in NEGATED:
        raise KeyError(op)
    value = ""
    if "value" in clause:
        value = text_of(clause["value"], op, facts.shape(clause["fact"]) or _ANY)
    return Row(clause["fact"], f"not {op}" if negated else op, value, clause.get("fact2", ""))


def _scalar(text: str, op: str, shape: Shape) -> Any:
    match shape.kind:
        case "number" | "integer":
            return _number(text.strip())
        case "boolean":
            return _yes_or_no(text.strip().lower())
        case "enum" if op != "starts_with":
            return _option(text, shape)
        case kind if kind in _TEXTS or op == "starts_with":
            return text
    try:
        value = _json(text)
    except ValidationError:
        return text
    return text if isinstance(value, list | dict) else value


def _number(text: str) -> int | float:
    if not _NUMBER.fullmatch(text):
        raise ValidationError(_("Give a number, like 12 or 0.9."))
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _yes_or_no(text: str) -> bool:
    known = {"yes": True, "true": True, "no": False, "false": False}
    if text not in known:
        raise ValidationError(_("Give yes or no."))
    return known[text]


def _option(text: str, shape: Shape) -> Any:
    known = {shown(choice.value, shape): choice.value for choice in shape.choices}
    if text not in known:
        raise ValidationError(_("Give one of %(known)s.") % {"known": ", ".join(known)})
    return known[text]


def shown(value: Any, shape: Shape) -> str:
    if shape.kind == "boolean" and isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return json.dumps(value)
    if shape.kind in _TEXTS or shape.kind == "enum":
        return value
    try:
        return json.dumps(value, ensure_ascii=False) if _json(value) is not None else value
    except ValidationError:
        return value


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError as error:
        raise ValidationError(_("Give a list, like [1, 2].")) from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def exact(value: Any) -> str:
    """Texts that tell 1, 1.0 and true apart."""
    return json.dumps(value, sort_keys=True)
