"""A condition as an outline of lines that a form can show, and back.

A line is a comparison, or a group of the lines that stand one level further in below it. What
an outline cannot say exactly stays a tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin.clauses import Row, clause_of, exact, row_of
from orchestrator.definitions import Facts

ALL: Final = ":all"
ANY: Final = ":any"
NONE: Final = ":none"
GROUPS: Final = {
    ALL: gettext_lazy("all of the lines below"),
    ANY: gettext_lazy("at least one of the lines below"),
    NONE: gettext_lazy("none of the lines below"),
}
DEEPEST: Final = 4
MOST_LINES: Final = 38


class Line(NamedTuple):
    """``row`` is a comparison, or only its ``fact`` is given and names a group."""

    row: Row
    level: int = 0

    @property
    def group(self) -> str:
        return self.row.fact if self.row.fact in GROUPS else ""


class Misplaced(ValidationError):
    """The line of this index stands where no line can stand."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def lines_of(condition: Any, facts: Facts) -> tuple[str, list[Line]] | None:
    """How the outermost lines are joined, and the lines; None where they would say otherwise."""
    join: str = "all"
    parts: Any = [condition]
    if isinstance(condition, dict) and len(condition) == 1 and condition.keys() & {"all", "any"}:
        ((join, parts),) = condition.items()
    if not isinstance(parts, list) or not parts:
        return None
    try:
        lines = [line for part in parts for line in _lines(part, facts, 0)]
        again = parts_of(lines, facts)
    except (ValidationError, KeyError, TypeError, AttributeError):
        return None
    return (join, lines) if len(lines) <= MOST_LINES and exact(again) == exact(parts) else None


def _lines(part: Any, facts: Facts, level: int) -> list[Line]:
    """Raises KeyError for what no line can say."""
    if level > DEEPEST:
        raise KeyError(level)
    for key, group in (("all", ALL), ("any", ANY)):
        if list(part) == [key]:
            return _group(group, part[key], facts, level)
    try:
        return [Line(row_of(part, facts), level)]
    except KeyError:
        inner = part["not"]
        several = list(inner) == ["any"] and len(inner["any"]) > 1
        return _group(NONE, inner["any"] if several else [inner], facts, level)


def _group(group: str, parts: list[Any], facts: Facts, level: int) -> list[Line]:
    inner = [line for part in parts for line in _lines(part, facts, level + 1)]
    return [Line(Row(group, ""), level), *inner]


def parts_of(lines: Sequence[Line], facts: Facts) -> list[Any]:
    """The conditions of the outermost lines. Raises Misplaced, and as ``clause_of`` does."""
    return _parts(lines, facts, 0, 0)


def _parts(lines: Sequence[Line], facts: Facts, level: int, first: int) -> list[Any]:
    """``first`` is the index of the first of these lines among all."""
    found = []
    at = 0
    while at < len(lines):
        line = lines[at]
        end = _end(lines, at)
        if line.level > level:
            message = _("Only lines below a group stand further in, by one level.")
            raise Misplaced(first + at, message)
        inner = lines[at + 1 : end]
        if line.group:
            found.append(_grouped(line, inner, facts, first + at))
        elif inner:
            message = _("Above this stands a comparison: only a group has lines further in.")
            raise Misplaced(first + at + 1, message)
        else:
            found.append(clause_of(line.row, facts))
        at = end
    return found


def _end(lines: Sequence[Line], at: int) -> int:
    """The index behind the lines that stand further in below line ``at``."""
    below = range(at + 1, len(lines))
    return next((i for i in below if lines[i].level <= lines[at].level), len(lines))


def _grouped(line: Line, inner: Sequence[Line], facts: Facts, index: int) -> dict[str, Any]:
    if not inner:
        raise Misplaced(index, _("Put at least one line below this, one level further in."))
    parts = _parts(inner, facts, line.level + 1, index + 1)
    if line.group == NONE:
        return {"not": parts[0] if len(parts) == 1 else {"any": parts}}
    return {line.group.removeprefix(":"): parts}


def tree_of(join: str, parts: Sequence[Any]) -> Any:
    """The condition that the outermost lines make."""
    return parts[0] if len(parts) == 1 else {join: list(parts)}
