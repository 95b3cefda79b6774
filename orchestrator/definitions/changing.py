"""What differs between two versions: part by part for a reader, and line by line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any, Final, Literal

from orchestrator.definitions.exporting import content, export_version
from orchestrator.diffing import diff
from orchestrator.models import Mode, WorkflowVersion
from orchestrator.pointers import MISSING
from orchestrator.telling import told

Op = Literal["added", "removed", "changed", "moved"]
Row = Mapping[str, Any]
_APART: Final = frozenset({"workflow", "steps", "transitions", "actors", "connections"})


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a part. ``before`` and ``after`` are texts, None where nothing was."""

    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Difference:
    """A part of the definition that differs. ``kind`` is version, step, rule and so on."""

    kind: str
    name: str
    op: Op
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text; ``sign`` is +, - or a space, and @ between distant places."""

    sign: str
    text: str


def changes(old: WorkflowVersion, new: WorkflowVersion) -> list[Difference]:
    """What somebody changed on the way from ``old`` to ``new``, in the file's order. Queries."""
    before, after = content(old), content(new)
    return [
        *_part("version", "", _without(before, _APART), _without(after, _APART)),
        *_named("connection", before.get("connections", {}), after.get("connections", {})),
        *_named("actor", before.get("actors", {}), after.get("actors", {})),
        *_steps(before["steps"], after["steps"]),
        *_rows("transition", "", _exits(before), _exits(after)),
    ]


def text_changes(old: WorkflowVersion, new: WorkflowVersion) -> list[Line]:
    """The same as lines of the file. Queries."""
    lines = unified_diff(
        export_version(old).splitlines(), export_version(new).splitlines(), lineterm="", n=3
    )
    return [Line(line[:1], line[1:]) for line in list(lines)[2:]]


def _without(row: Row, keys: frozenset[str]) -> Row:
    return {key: value for key, value in row.items() if key not in keys}


def _part(kind: str, name: str, before: Row, after: Row) -> Iterator[Difference]:
    fields = tuple(
        field
        for key in dict.fromkeys((*before, *after))
        for field in _fields(key, before.get(key, MISSING), after.get(key, MISSING))
    )
    if fields:
        yield Difference(kind, name, "changed", fields)


def _fields(key: str, before: Any, after: Any) -> Iterator[Field]:
    if key == "when":
        if before != after:
            yield Field(key, _sentence(before), _sentence(after))
        return
    if isinstance(before, dict | list) and isinstance(after, dict | list):
        for change in diff(before, after):
            old = None if change.op == "add" else _text(change.before)
            new = None if change.op == "remove" else _text(change.after)
            yield Field(key + change.path, old, new)
    elif before is MISSING or after is MISSING or diff(before, after):
        yield Field(key, _text(before), _text(after))


def _sentence(condition: Any) -> str:
    return told(None if condition is MISSING else condition)


def _text(value: Any) -> str | None:
    if value is MISSING:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _named(
    kind: str,
    before: Mapping[str, Row],
    after: Mapping[str, Row],
    hidden: str = "",
    whole: str = "",
) -> Iterator[Difference]:
    """Rows that are known by a key. ``hidden`` stands elsewhere, ``whole`` names who has them."""
    apart = frozenset({hidden})
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            fields = tuple(Field(key, _shown(key, old), None) for key, old in before[name].items())
            yield Difference(kind, name, "removed", fields)
        elif name not in before:
            fields = tuple(Field(key, None, _shown(key, new)) for key, new in after[name].items())
            yield Difference(kind, name, "added", fields)
        else:
            yield from _part(
                kind, name, _without(before[name], apart), _without(after[name], apart)
            )
    if _moved(list(before), list(after)):
        yield Difference(kind, whole, "moved")


def _shown(key: str, value: Any) -> str | None:
    return _sentence(value) if key == "when" else _text(value)


def _moved(before: Sequence[str], after: Sequence[str]) -> bool:
    both = set(before) & set(after)
    return [name for name in before if name in both] != [name for name in after if name in both]


def _steps(before: Sequence[Row], after: Sequence[Row]) -> Iterator[Difference]:
    old, new = ({row["key"]: row for row in rows} for rows in (before, after))
    yield from _named("step", old, new, hidden="rights")
    for key in new:
        if key in old:
            rules = (row[key].get("rights", []) for row in (old, new))
            yield from _rows("rule", f"{new[key]['name']}: ", *rules)


def _rows(
    kind: str, prefix: str, before: Sequence[Row], after: Sequence[Row]
) -> Iterator[Difference]:
    old, new = _by_name(prefix, before), _by_name(prefix, after)
    yield from _named(kind, old, new, whole=prefix.removesuffix(": "))


def _by_name(prefix: str, rows: Sequence[Row]) -> dict[str, Row]:
    """Rows by their names, told apart by a number where two share one."""
    seen: Counter[str] = Counter()
    found = {}
    for row in rows:
        name = row.get("name") or _mode(row.get("mode", ""))
        seen[name] += 1
        found[prefix + (name if seen[name] == 1 else f"{name} ({seen[name]})")] = row
    return found


def _mode(mode: str) -> str:
    """What a rule without a name does, in words."""
    return str(dict(Mode.choices).get(mode, mode))


def _exits(file: Row) -> list[Row]:
    return [
        {"name": f"{row['from']} → {row['to']}"} | ({"when": row["when"]} if "when" in row else {})
        for row in file.get("transitions", [])
    ]
