"""What is wrong with a condition before anything is decided by it, and what it looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from orchestrator import wording
from orchestrator.comparing import kind_of, moment
from orchestrator.conditions.evaluating import EQUALITY
from orchestrator.pointers import INDEX, Problem, child

_MAX_DEPTH: Final = 16
_ORDER: Final = frozenset({"lt", "le", "gt", "ge"})


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
        return "" if kind == "text" and (value or op in EQUALITY) else "Give a text."
    elif not kind and not (value is None and op in EQUALITY):
        return "Give a text, a number, or yes or no."
    return ""


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
