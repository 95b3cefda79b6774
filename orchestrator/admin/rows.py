"""A field of a few short rows, such as place and rule: each a line of plain controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orchestrator.definitions.places import is_pointer

BLANK: Final = 2
MOST: Final = 200
TEMPLATE: Final = "admin/orchestrator/rows.html"

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """One control of each row. ``choices`` make it a select, ``places`` offer those of the case."""

    key: str
    title: Any
    choices: tuple[tuple[str, Any], ...] = ()
    places: bool = False


class RowsWidget(forms.Widget):
    """Rows of controls that share a name for each column; two more are empty."""

    def __init__(self, columns: Sequence[Column]) -> None:
        super().__init__()
        self.columns = columns

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        blank = ("",) * len(self.columns)
        lines = [*(value or []), *[blank] * BLANK]
        context = {
            "id": (attrs or {}).get("id", f"id_{name}"),
            "described": (attrs or {}).get("aria-describedby", ""),
            "columns": self.columns,
            "rows": [
                [
                    (column, f"{name}-{column.key}", text)
                    for column, text in zip(self.columns, line, strict=True)
                ]
                for line in lines
            ],
        }
        return render_to_string(TEMPLATE, context)

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[Row]:
        lists = [
            data.getlist(f"{name}-{column.key}") if isinstance(data, QueryDict) else []
            for column in self.columns
        ]
        rows = zip(*lists, strict=False)
        return [row for row in (tuple(map(str.strip, row)) for row in rows) if any(row)][:MOST]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return not any(f"{name}-{column.key}" in data for column in self.columns)

    def into(self, post: QueryDict, name: str, value: Any) -> None:
        """Put a value into a post, as a form that shows it would."""
        for index, column in enumerate(self.columns):
            post.setlist(f"{name}-{column.key}", [row[index] for row in value or []])


class RowsField(forms.Field):
    """A mapping, as rows. ``read`` makes it of rows and raises ValidationError, ``show`` rows."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        read: Callable[[list[Row]], Any],
        show: Callable[[Any], list[Row]],
        **kwargs: Any,
    ) -> None:
        super().__init__(required=False, widget=RowsWidget(columns), **kwargs)
        self.read, self.show = read, show

    def prepare_value(self, value: Any) -> list[Row]:
        # What somebody typed comes back as it was typed.
        return value if isinstance(value, list) else self.show(value)

    def to_python(self, value: Any) -> Any:
        return self.read(value or [])

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


def pairs_read(rows: list[Row]) -> dict[str, str]:
    """Rows of two as a mapping; each left side stands once."""
    found: dict[str, str] = {}
    for number, (left, right) in enumerate(rows, start=1):
        if not left or not right:
            raise ValidationError(_("Row %s: give both sides.") % number)
        if left in found:
            raise ValidationError(_("Row %(number)s: %(left)s stands there already.")
                                  % {"number": number, "left": left})  # fmt: skip
        found[left] = right
    return found


def pairs_shown(value: Any) -> list[Row]:
    return [(str(left), str(right)) for left, right in value.items()] if _is_map(value) else []


def news_read(rows: list[Row]) -> dict[str, dict[str, str]]:
    """Rows of name, place in the case and place in the signal, as a version keeps its news."""
    found: dict[str, dict[str, str]] = {}
    for number, (name, target, source) in enumerate(rows, start=1):
        if not name:
            raise ValidationError(_("Row %s: give the name of the signal.") % number)
        writes = found.setdefault(name, {})
        if target in writes:
            raise ValidationError(_("Row %(number)s: %(left)s stands there already.")
                                  % {"number": number, "left": target})  # fmt: skip
        if target or source:
            if not target or not is_pointer(source):
                raise ValidationError(_("Row %s: give both places, such as /amount.") % number)
            writes[target] = source
    return found


def news_shown(value: Any) -> list[Row]:
    if not _is_map(value):
        return []
    return [
        (str(name), *pair)
        for name, writes in value.items()
        for pair in (pairs_shown(writes) or [("", "")])
    ]


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
