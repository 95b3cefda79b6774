"""The formats that feedback leaves in: a new one is a new line of ``FORMATS``."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from orchestrator.exceptions import Invalid
from review.feedback.rows import KEYS, NESTED, Row

LINES: Final = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

# What a spreadsheet may pass over before it looks for a formula.
_PADDING: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_STARTS: Final = frozenset("=+-@\u2212")
_CONTROLS: Final = ("\t", "\r")


@dataclass(frozen=True, slots=True)
class Format:
    """``write`` turns each batch of rows into bytes; the first bytes may be a header.

    ``ends_with_cursor``: a stream over the API can end with a line that tells its cursor.
    """

    key: str
    label: str
    help: str
    content_type: str
    write: Callable[[Iterable[list[Row]]], Iterator[bytes]]
    ends_with_cursor: bool = False


def _jsonl(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    for batch in batches:
        yield b"".join(orjson.dumps(_embedded(row), option=LINES) for row in batch)


def _embedded(row: Row) -> dict[str, Any]:
    """The row with its JSON texts as they are, so that no number loses a digit."""
    texts = {key: orjson.Fragment(row[key]) for key in NESTED if row[key] is not None}
    return row | texts


def _csv(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    yield _csv_lines([KEYS])
    for batch in batches:
        yield _csv_lines(_cells(row) for row in batch)


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def _cells(row: Row) -> Iterator[Any]:
    # A JSON text starts no formula: what stands behind a leading minus is a number.
    return (value if key in NESTED else cell(value) for key, value in row.items())


def cell(value: Any) -> Any:
    """A value as it stands in a spreadsheet; text that could run as a formula gets a quote."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    if text[:1].isalnum():
        return False
    for letter in text:
        if letter in _CONTROLS or unicodedata.normalize("NFKC", letter)[0] in _STARTS:
            return True
        if unicodedata.category(letter) not in _PADDING:
            return False
    return False


FORMATS: Final = {
    one.key: one
    for one in (
        Format(
            "jsonl", "JSON Lines", "one row a line, nothing lost", "application/x-ndjson", _jsonl,
            ends_with_cursor=True,
        ),
        Format("csv", "CSV", "for a spreadsheet, formulas made harmless", "text/csv", _csv),
    )
}  # fmt: skip


def format_of(key: str) -> Format:
    """Raises Invalid for a format that there is not."""
    if key in FORMATS:
        return FORMATS[key]
    message = f"There is no such format; there are {', '.join(FORMATS)}."
    raise Invalid(f"format: {message}", problems=[{"path": "/format", "message": message}])
