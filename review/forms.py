"""The output of a task as a form: each field with what it was, how sure the agent is, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from orchestrator import schema
from orchestrator.schema import Field
from orchestrator.strictjson import has_hidden

SURE: Final = 0.9
MOST_COLUMNS: Final = 5
GROUPS: Final = frozenset({"object", "array"})
WIDE: Final = frozenset({"object", "array", "json", "text"})


@dataclass(frozen=True, slots=True)
class Row:
    """A field as the task page draws it.

    ``original`` is what stood in the control before anybody typed. ``flagged`` is a low
    confidence of the agent, ``flags`` how many there are here and inside. ``columns`` are the
    titles of a table where an array's rows are short enough for one.
    """

    field: Field
    original: str = ""
    flagged: bool = False
    changed: bool = False
    hidden_text: bool = False
    reason: str = ""
    flags: int = 0
    children: tuple[Row, ...] = ()
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """The rows of one output, flagged ones first, with what the page counts."""

    rows: tuple[Row, ...]

    @property
    def flags(self) -> int:
        return sum(row.flags for row in self.rows)

    @property
    def changes(self) -> int:
        return sum(row.changed for row in _all(self.rows))

    @property
    def paths(self) -> set[str]:
        """The places whose control or group stands on the page."""
        return {row.field.path for row in _all(self.rows)}

    @property
    def first_name(self) -> str:
        controls = (row.field.name for row in _all(self.rows) if row.field.kind not in GROUPS)
        return next(controls, "")


def form_of(
    definition: Mapping[str, Any],
    proposal: Any,
    *,
    confidence: Mapping[str, float] | None,
    thresholds: Mapping[str, float] | None = None,
    posted: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Form:
    """The form of ``proposal``, holding what was ``posted`` if anything was.

    ``confidence`` maps pointers to numbers and is None where the reviewer may not see it;
    ``thresholds`` says from where on a field counts as sure, ``SURE`` where it says nothing.
    """
    before = schema.fields(definition, proposal, confidence=confidence)
    now = before
    if posted is not None:
        now = schema.fields(
            definition, proposal, confidence=confidence, raw=posted, errors=errors or {}
        )
    builder = _Builder(dict(_texts(before)), thresholds or {}, reasons_in(posted or {}))
    return Form(tuple(_flagged_first([builder.row(field, field.path) for field in now])))


def reasons_in(posted: Mapping[str, str]) -> dict[str, str]:
    """The reason codes that stand beside the fields, by pointer."""
    return {
        unquote(name[3:]): code for name, code in posted.items() if name.startswith("why/") and code
    }


@dataclass(frozen=True, slots=True)
class _Builder:
    originals: Mapping[str, str]
    thresholds: Mapping[str, float]
    reasons: Mapping[str, str]

    def row(self, field: Field, origin: str | None, *, in_table: bool = False) -> Row:
        """The row of a field that stood at ``origin`` in the agent's output, None for a new one."""
        children = self._children(field, origin)
        if field.kind == "object" and not in_table:
            children = _flagged_first(children)
        flagged = self._is_low(field)
        original = None if origin is None else self.originals.get(origin)
        return Row(
            field,
            original=original or "",
            flagged=flagged,
            changed=field.kind != "object" and _text(field) != original,
            hidden_text=field.kind not in GROUPS and has_hidden(field.text),
            reason=self.reasons.get(field.path, ""),
            flags=flagged + sum(child.flags for child in children),
            children=tuple(children),
            columns=_columns(children) if field.kind == "array" else (),
        )

    def _children(self, field: Field, origin: str | None) -> list[Row]:
        if field.kind == "array":
            return [
                self.row(child, _row_origin(child, origin), in_table=True)
                for child in field.children
            ]
        return [
            self.row(child, None if origin is None else origin + child.path[len(field.path) :])
            for child in field.children
        ]

    def _is_low(self, field: Field) -> bool:
        wanted = self.thresholds.get(field.path, self.thresholds.get("", SURE))
        return field.confidence is not None and field.confidence < wanted


def _row_origin(row: Field, origin: str | None) -> str | None:
    """Where a row of an array stood before others were removed; None for a row that was added."""
    kept = {name[0]: value for name, value in row.hidden}
    if origin is None or kept.get("e") == "new":
        return None
    return f"{origin}/{kept.get('w') or row.path.rpartition('/')[2]}"


def _columns(rows: list[Row]) -> tuple[str, ...]:
    """The titles of a table: all rows are objects of the same few short fields."""
    titles = {tuple(child.field.label for child in row.children) for row in rows}
    if len(titles) != 1 or any(_is_wide(row) for row in rows):
        return ()
    found = titles.pop()
    return found if 1 <= len(found) <= MOST_COLUMNS else ()


def _is_wide(row: Row) -> bool:
    inside = [child.field.kind for child in row.children]
    return row.field.kind != "object" or not WIDE.isdisjoint(inside)


def _flagged_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.flags == 0)


def _texts(fields: Iterable[Field]) -> Iterator[tuple[str, str]]:
    for field in fields:
        yield field.path, _text(field)
        yield from _texts(field.children)


def _text(field: Field) -> str:
    """What a change is told by: the text of a control, the number of rows of an array."""
    return str(len(field.children)) if field.kind == "array" else field.text


def _all(rows: tuple[Row, ...]) -> Iterator[Row]:
    for row in rows:
        yield row
        yield from _all(row.children)
