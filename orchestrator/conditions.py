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
from itertools import product
from typing import Any, Final

from orchestrator import wording
from orchestrator.comparing import COMPARISONS, Truth, join, kind_of, moment
from orchestrator.pointers import INDEX, MISSING, Problem, child, split, step_into
from orchestrator.tongue import ENGLISH, Tongue, gettext_noop

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
    fact2: str = ""

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"truth": self.truth, "text": self.text}
        if self.op:
            found["op"] = self.op
        if self.fact:
            found |= {"fact": self.fact, "expected": self.expected, "actual": self.actual}
        if self.fact2:
            found["fact2"] = self.fact2
        if self.children:
            found["children"] = [child.as_json() for child in self.children]
        return found


ALWAYS: Final = Trace(truth=True, text=gettext_noop("always"))
_NEVER: Final = gettext_noop("never")
UNREADABLE: Final = Trace(truth=None, text=gettext_noop("the condition cannot be read"))


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
    return Trace(truth, text or (ALWAYS.text if truth else _NEVER), children, op=op)


def _compare(condition: dict[str, Any], facts: Mapping[str, Any]) -> Trace:
    if not _is_comparison(condition):
        return UNREADABLE
    fact, op, fact2 = condition["fact"], condition["op"], condition.get("fact2", "")
    actual = _value(fact, facts)
    expected = _value(fact2, facts) if fact2 else condition.get("value")
    truth, text = _found(fact, op, actual, expected, fact2)
    return Trace(truth, text, (), fact, op, _kept(expected), _kept(actual), fact2)


def _is_comparison(condition: dict[str, Any]) -> bool:
    fact, op = condition.get("fact"), condition.get("op")
    if not isinstance(fact, str) or not isinstance(op, str):
        return False
    if op == "exists":
        return len(condition) == 2
    fact2 = condition.get("fact2")
    operand = "value" in condition or (isinstance(fact2, str) and fact2 != "")
    return op in COMPARISONS and len(condition) == 3 and operand


def _found(
    fact: str, op: str, actual: Any, expected: Any, fact2: str, *, tongue: Tongue = ENGLISH
) -> tuple[Truth, str]:
    why, name = wording.unusable(fact, actual, tongue), wording.label(fact, tongue)
    if op == "exists":
        return not why, wording.clause(name, op, holds=not why, tongue=tongue)
    if expected is None and not fact2 and (actual is None or not why):
        truth = (actual is None) is (op == "eq") if op in _EQUALITY else None
    elif why := why or (fact2 and wording.unusable(fact2, expected, tongue)):
        return None, why
    else:
        truth = COMPARISONS[op](actual, expected)
    both = wording.sides(fact, actual, expected, fact2, tongue)
    return truth, wording.outcome(name, op, truth, both, tongue)


def retold(trace: Mapping[str, Any], tongue: Tongue) -> str:
    """The text of a stored trace in another tongue, as it is stored where that is not known."""
    text, op = str(trace["text"]), trace.get("op", "")
    if tongue == ENGLISH:
        return text
    if op == "not":
        return retold(trace["children"][0], tongue)
    if op in _GROUPS:
        parts = [part for part in trace.get("children", ()) if part["truth"] is trace["truth"]]
        told = [retold(part, tongue) for part in parts]
        return tongue.say(gettext_noop(" and ")).join(told) or tongue.say(text)
    return _compared_again(trace, text, tongue) if op else tongue.say(text)


def _compared_again(trace: Mapping[str, Any], text: str, tongue: Tongue) -> str:
    """A stored null may stand for nothing at all: it is what gives the stored text again."""
    fact, op, fact2 = trace["fact"], trace["op"], trace.get("fact2", "")
    for actual, expected in product(_stored(trace["actual"]), _stored(trace["expected"])):
        if _found(fact, op, actual, expected, fact2) == (trace["truth"], text):
            return _found(fact, op, actual, expected, fact2, tongue=tongue)[1]
    return text


def _stored(value: Any) -> tuple[Any, ...]:
    return (None, MISSING) if value is None else (value,)


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


def sentence(
    condition: Any, labels: Mapping[str, str] | None = None, tongue: Tongue = ENGLISH
) -> str:
    """A condition in words: "confidence is at least 0.90 and amount is at most 50"."""
    return _Speaker(labels or {}, tongue).sentence(condition)


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Says conditions in a tongue; ``labels`` name facts otherwise than by their last words."""

    labels: Mapping[str, str]
    tongue: Tongue

    def sentence(self, condition: Any, *, nested: bool = False) -> str:
        say = self.tongue.say
        match condition:
            case {"fact": _}:
                return self._clause(condition)
            case {"not": {"fact": _} as inner}:
                return self._clause(inner, holds=False)
            case {"not": inner}:
                return say(gettext_noop("not (%s)")) % self.sentence(inner)
            case {"all": list(parts)}:
                joined = self._joined(gettext_noop(" and "), parts, nested=nested)
                return joined or say(ALWAYS.text)
            case {"any": list(parts)}:
                return self._joined(gettext_noop(" or "), parts, nested=nested) or say(_NEVER)
        return say(ALWAYS.text if condition is None or condition == {} else UNREADABLE.text)

    def _joined(self, word: str, parts: list[Any], *, nested: bool) -> str:
        several = len(parts) > 1
        joined = self.tongue.say(word).join([self.sentence(part, nested=several) for part in parts])
        return f"({joined})" if nested and several else joined

    def _clause(self, clause: dict[str, Any], *, holds: bool = True) -> str:
        if not _is_comparison(clause):
            return self.tongue.say(UNREADABLE.text)
        fact, op = clause["fact"], clause["op"]
        if fact2 := clause.get("fact2"):
            right = self._name(fact2)
        else:
            value = clause.get("value")
            right = wording.sides(fact, value, value, tongue=self.tongue)[1]
        return wording.clause(self._name(fact), op, right, holds=holds, tongue=self.tongue)

    def _name(self, fact: str) -> str:
        return self.labels.get(fact) or wording.label(fact, self.tongue)


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
