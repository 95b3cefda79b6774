"""Conditions of rules and transitions: three-valued, traced, printable.

A condition is one of ``{"all": [...]}``, ``{"any": [...]}``, ``{"not": condition}``,
``{"fact": name, "op": op, "value": json}`` and ``{"fact": name, "op": op, "fact2": name}``;
``{}`` and None always hold. A fact name is a first word and then a JSON pointer:
``confidence``, ``output/order/amount``; ``field_confidence/order/amount`` looks up
``/order/amount`` in a flat map.

Truth is True, False or None (unknown), joined by Kleene's rules. A comparison is unknown
when a fact is missing, null, NaN or infinite, when a confidence is outside 0 to 1, and
when the kinds differ (a bool is no number). Null compares only with a written
``"value": null``; texts have an order when both are ISO dates, or date-times with a zone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from orchestrator import wording
from orchestrator.comparing import COMPARISONS, Truth, join, kind_of, moment
from orchestrator.pointers import INDEX, MISSING, Problem, child, split, step_into

_KEPT: Final = 200
_KEPT_ITEMS: Final = 20
_MAX_DEPTH: Final = 16
_GROUPS: Final = frozenset({"all", "any"})
_EQUALITY: Final = frozenset({"eq", "ne"})
_ORDER: Final = frozenset({"lt", "le", "gt", "ge"})


@dataclass(frozen=True, slots=True)
class Trace:
    """What a condition came to, and why, with the values it saw.

    ``op`` is the comparison, or all, any, not. ``actual`` and ``expected`` are JSON that can
    be stored; long texts are cut, and objects and long lists left out.
    """

    truth: Truth
    text: str
    children: tuple[Trace, ...] = ()
    fact: str = ""
    op: str = ""
    expected: Any = None
    actual: Any = None

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"truth": self.truth, "text": self.text}
        if self.op:
            found["op"] = self.op
        if self.fact:
            found |= {"fact": self.fact, "expected": self.expected, "actual": self.actual}
        if self.children:
            found["children"] = [child.as_json() for child in self.children]
        return found


ALWAYS: Final = Trace(truth=True, text="always")
UNREADABLE: Final = Trace(truth=None, text="the condition cannot be read")


def evaluate(condition: Any, facts: Mapping[str, Any]) -> Trace:
    """The truth of a condition with its full trace. Never raises: the unreadable is unknown."""
    try:
        return _evaluate(condition, facts)
    except RecursionError:
        return UNREADABLE


def _evaluate(condition: Any, facts: Mapping[str, Any]) -> Trace:
    # Plain tests, for this is the hot path and mapping patterns are five times as slow.
    if condition is None or condition == {}:
        return ALWAYS
    if not isinstance(condition, dict):
        return UNREADABLE
    if "fact" in condition:
        return _compare(condition, facts)
    if len(condition) != 1:
        return UNREADABLE
    ((op, inner),) = condition.items()
    if op == "not":
        return _negate(_evaluate(inner, facts))
    return _group(op, inner, facts) if op in _GROUPS and isinstance(inner, list) else UNREADABLE


def _negate(inner: Trace) -> Trace:
    truth = None if inner.truth is None else not inner.truth
    return Trace(truth, inner.text, (inner,), op="not")


def _group(op: str, parts: list[Any], facts: Mapping[str, Any]) -> Trace:
    children = tuple([_evaluate(part, facts) for part in parts])
    truth = join([child.truth for child in children], settles=op == "any")
    text = " and ".join([child.text for child in children if child.truth is truth])
    return Trace(truth, text or ("always" if truth else "never"), children, op=op)


def _compare(condition: dict[str, Any], facts: Mapping[str, Any]) -> Trace:
    if not _is_comparison(condition):
        return UNREADABLE
    fact, op, fact2 = condition["fact"], condition["op"], condition.get("fact2", "")
    actual = _value(fact, facts)
    expected = _value(fact2, facts) if fact2 else condition.get("value")
    truth, text = _found(fact, op, actual, expected, fact2)
    return Trace(truth, text, (), fact, op, _kept(expected), _kept(actual))


def _is_comparison(condition: dict[str, Any]) -> bool:
    fact, op = condition.get("fact"), condition.get("op")
    if not isinstance(fact, str) or not isinstance(op, str):
        return False
    if op == "exists":
        return len(condition) == 2
    fact2 = condition.get("fact2")
    operand = "value" in condition or (isinstance(fact2, str) and fact2 != "")
    return op in COMPARISONS and len(condition) == 3 and operand


def _found(fact: str, op: str, actual: Any, expected: Any, fact2: str) -> tuple[Truth, str]:
    why = wording.unusable(fact, actual)
    if op == "exists":
        return not why, wording.clause(wording.label(fact), op, holds=not why)
    if expected is None and not fact2 and (actual is None or not why):
        truth = (actual is None) is (op == "eq") if op in _EQUALITY else None
    elif why := why or (fact2 and wording.unusable(fact2, expected)):
        return None, why
    else:
        truth = COMPARISONS[op](actual, expected)
    left, right = wording.sides(fact, actual, expected, fact2)
    return truth, wording.outcome(wording.label(fact), op, truth, left, right)


@lru_cache(maxsize=4096)
def _path(name: str) -> tuple[str, tuple[str, ...]]:
    first, slash, rest = name.partition("/")
    return first, split(slash + rest)


def _value(name: str, facts: Mapping[str, Any]) -> Any:
    first, parts = _path(name)
    value = facts.get(first, MISSING)
    if parts and first == "field_confidence":
        return step_into(value, name.removeprefix(first))
    for part in parts:
        value = step_into(value, part)
    return value


def _kept(value: Any) -> Any:
    """What of a value is stored in a trace."""
    if isinstance(value, list) and len(value) <= _KEPT_ITEMS:
        return [_kept_scalar(item) for item in value]
    return _kept_scalar(value)


def _kept_scalar(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_KEPT]
    return value if kind_of(value) else None


def validate(condition: Any, known: Collection[str] | None = None) -> list[Problem]:
    """What is wrong with a condition; each path points into it.

    ``known`` are the fact names that exist, with ``-`` for any index of an array.
    """
    return [] if condition is None or condition == {} else list(_check(condition, known, "", 1))


def _check(
    condition: Any, known: Collection[str] | None, path: str, depth: int
) -> Iterator[Problem]:
    if depth > _MAX_DEPTH:
        yield Problem(path, f"Nest conditions at most {_MAX_DEPTH} deep.")
        return
    match condition:
        case {"all": parts} | {"any": parts} if len(condition) == 1:
            yield from _check_group(next(iter(condition)), parts, known, path, depth)
        case {"not": part} if len(condition) == 1:
            yield from _check(part, known, child(path, "not"), depth + 1)
        case {"fact": _} | {"op": _}:
            yield from _check_clause(condition, known, path)
        case _:
            yield Problem(path, "Give one of all, any and not, or a fact with its comparison.")


def _check_group(
    op: str, parts: Any, known: Collection[str] | None, path: str, depth: int
) -> Iterator[Problem]:
    path = child(path, op)
    if not isinstance(parts, list) or not parts:
        yield Problem(path, "Add at least one condition.")
        return
    for index, part in enumerate(parts):
        yield from _check(part, known, child(path, index), depth + 1)


def _check_clause(
    clause: dict[str, Any], known: Collection[str] | None, path: str
) -> Iterator[Problem]:
    for key in clause.keys() - {"fact", "op", "value", "fact2"}:
        yield Problem(child(path, key), f"A comparison has no {key!r}.")
    yield from _check_fact(clause.get("fact"), known, child(path, "fact"))
    op = clause.get("op")
    if not isinstance(op, str) or op not in wording.PHRASES:
        yield Problem(child(path, "op"), f"Choose one of {', '.join(wording.PHRASES)}.")
    elif op == "exists":
        for key in clause.keys() & {"value", "fact2"}:
            yield Problem(child(path, key), "Leave this out: exists compares with nothing.")
    elif ("value" in clause) is ("fact2" in clause):
        yield Problem(path, "Compare with either a value or another fact.")
    elif "fact2" in clause:
        yield from _check_fact(clause["fact2"], known, child(path, "fact2"))
    elif wanted := _wanted(clause.get("fact"), op, clause["value"]):
        yield Problem(child(path, "value"), wanted)


def _check_fact(fact: Any, known: Collection[str] | None, path: str) -> Iterator[Problem]:
    if not isinstance(fact, str) or not fact or fact.startswith("/"):
        yield Problem(path, "Choose a fact.")
    elif known is not None and fact not in known and _any_index(fact) not in known:
        yield Problem(path, f"There is no fact {fact!r} here.")


def _any_index(fact: str) -> str:
    return "/".join("-" if INDEX.fullmatch(part) else part for part in fact.split("/"))


def _wanted(fact: Any, op: str, value: Any) -> str:
    """What the value of a comparison should be, "" when it is."""
    kind = kind_of(value)
    if op in _ORDER:
        if kind != "number" and moment(value) is None:
            return "Give a number, or a date like 2025-01-31."
        if isinstance(fact, str) and wording.is_confidence(fact) and wording.unusable(fact, value):
            return "Give a confidence between 0 and 1, like 0.90."
    elif op == "in":
        listed = isinstance(value, list) and value and all(kind_of(item) for item in value)
        return "" if listed else "Give a list of texts, numbers or yes and no."
    elif op == "starts_with" or value == "":
        return "" if kind == "text" and (value or op in _EQUALITY) else "Give a text."
    elif not kind and not (value is None and op in _EQUALITY):
        return "Give a text, a number, or yes or no."
    return ""


def sentence(condition: Any, labels: Mapping[str, str] | None = None) -> str:
    """A condition in words: "confidence is at least 0.90 and amount is at most 50"."""
    return _sentence(condition, labels or {})


def _sentence(condition: Any, labels: Mapping[str, str], *, nested: bool = False) -> str:
    match condition:
        case {"fact": _}:
            return _clause(condition, labels)
        case {"not": {"fact": _} as inner}:
            return _clause(inner, labels, holds=False)
        case {"not": inner}:
            return f"not ({_sentence(inner, labels)})"
        case {"all": list(parts)}:
            return _joined(" and ", parts, labels, nested=nested) or "always"
        case {"any": list(parts)}:
            return _joined(" or ", parts, labels, nested=nested) or "never"
    return ALWAYS.text if condition is None or condition == {} else UNREADABLE.text


def _joined(word: str, parts: list[Any], labels: Mapping[str, str], *, nested: bool) -> str:
    joined = word.join([_sentence(part, labels, nested=len(parts) > 1) for part in parts])
    return f"({joined})" if nested and len(parts) > 1 else joined


def _clause(clause: dict[str, Any], labels: Mapping[str, str], *, holds: bool = True) -> str:
    if not _is_comparison(clause):
        return UNREADABLE.text
    fact, op = clause["fact"], clause["op"]
    if fact2 := clause.get("fact2"):
        right = labels.get(fact2) or wording.label(fact2)
    else:
        value = clause.get("value")
        right = wording.sides(fact, value, value)[1]
    return wording.clause(labels.get(fact) or wording.label(fact), op, right, holds=holds)


def facts_used(condition: Any) -> set[str]:
    """The names of all facts that a condition looks at."""
    return {name for clause in _clauses(condition) for name in _names(clause)}


def _clauses(condition: Any) -> Iterator[dict[str, Any]]:
    match condition:
        case {"all": list(parts)} | {"any": list(parts)}:
            for part in parts:
                yield from _clauses(part)
        case {"not": part}:
            yield from _clauses(part)
        case {"fact": _}:
            yield condition


def _names(clause: dict[str, Any]) -> list[str]:
    return [name for key in ("fact", "fact2") if isinstance(name := clause.get(key), str)]
