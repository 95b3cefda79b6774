"""The formats that feedback leaves in: a new one is a new line of ``FORMATS``."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

import orjson
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator.exceptions import Invalid
from review.feedback import examples, labelstudio, parquet
from review.feedback.rows import KEYS, NESTED, Row
from review.feedback.sql import Kind

LINES: Final = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

TORN: Final = b"This file broke off here: it is not whole.\n"

# What a spreadsheet may pass over before it looks for a formula.
_PADDING: Final = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf"})
_STARTS: Final = frozenset("=+-@\u2212")
_CONTROLS: Final = ("\t", "\r")
# Where a spreadsheet of another country begins a cell, or takes a line break for the end of a row.
_BREAKS: Final = re.compile(r"[;\t\r\n]")


@dataclass(frozen=True, slots=True)
class Format:
    """``write`` turns each batch of rows into bytes; the first bytes may be a header.

    ``kind`` says which rows it takes. ``ends_with_cursor``: a stream over the API can end with
    a line that tells its cursor. ``names_rows`` is False where its consumer knows no member
    for ids. ``needs`` is a package that is not installed with the others. ``torn`` ends what
    is not whole, so that its reader stumbles; a Parquet file without its end is none.
    """

    key: str
    label: str
    help: str
    write: Callable[[Iterable[list[Row]]], Iterator[bytes]]
    kind: Kind = "row"
    content_type: str = "application/x-ndjson"
    suffix: str = "jsonl"
    ends_with_cursor: bool = False
    names_rows: bool = True
    is_text: bool = True
    needs: str = ""
    torn: bytes = TORN

    @property
    def missing(self) -> str:
        """What must be installed before this format can be written, as a sentence."""
        if not self.needs or find_spec(self.needs):
            return ""
        told = {"name": self.needs, "command": f"pip install {self.needs}"}
        return _("Install %(name)s on the server first: %(command)s.") % told

    def file_name(self, workflow: str) -> str:
        """Of slugs only: nothing in it needs quoting."""
        kind = "feedback" if self.kind == "row" else self.key
        return f"{workflow or 'all'}-{kind}.{self.suffix}"


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
    return (_escaped(value) if key in NESTED else cell(value) for key, value in row.items())


def cell(value: Any) -> Any:
    """A value as it stands in a spreadsheet; text that could run as a formula gets a quote."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return _quoted(value) if isinstance(value, str) else value


def _quoted(text: str) -> str:
    begins = (0, *(found.end() for found in _BREAKS.finditer(text)))
    places = [begin for begin in begins if _formula(text, begin) is not None]
    return "'".join(text[one:next_] for one, next_ in pairwise((0, *places, len(text))))


def _escaped(text: str | None) -> str | None:
    """A JSON text that says the same. It starts no formula itself: what stands behind a leading
    minus is a number. A semicolon there is always part of a string."""
    if text is None or ";" not in text:
        return text
    begins = (found.end() for found in _BREAKS.finditer(text))
    places = [place for begin in begins if (place := _formula(text, begin)) is not None]
    parts = [text[one:next_] for one, next_ in pairwise((0, *places, len(text)))]
    return parts[0] + "".join(f"\\u{ord(part[0]):04x}{part[1:]}" for part in parts[1:])


def _formula(text: str, begin: int) -> int | None:
    """Where the formula starts that a cell would be which begins there."""
    for place in range(begin, len(text)):
        letter = text[place]
        if letter in _CONTROLS or (begin and letter == "\n"):
            return None if begin else place
        if unicodedata.normalize("NFKC", letter)[0] in _STARTS:
            return place
        if unicodedata.category(letter) not in _PADDING:
            return None
    return None


FORMATS: Final = {
    one.key: one
    for one in (
        Format(
            "jsonl", gettext_noop("JSON Lines"),
            gettext_noop("one row for each decision, nothing lost"),
            _jsonl,
            ends_with_cursor=True,
        ),
        Format(
            "csv", gettext_noop("CSV"),
            gettext_noop("the same rows for a spreadsheet, formulas made harmless"),
            _csv,
            content_type="text/csv", suffix="csv", torn=b"," * len(KEYS) + TORN,
        ),
        Format(
            "parquet", gettext_noop("Parquet"),
            gettext_noop("the same rows as typed columns, compressed"),
            parquet.write,
            content_type="application/vnd.apache.parquet", suffix="parquet", is_text=False,
            needs="pyarrow", torn=b"",
        ),
        Format(
            "sft", gettext_noop("Fine-tuning"),
            gettext_noop("chats that end with what a person let stand or wrote (OpenAI)"),
            examples.lines(examples.sft), "answer", names_rows=False,
        ),
        Format(
            "preference", gettext_noop("Preference"),
            gettext_noop("a correction against what the agent said (OpenAI)"),
            examples.lines(examples.preference), "preference", names_rows=False,
        ),
        Format(
            "preference-trl", gettext_noop("Preference, TRL"),
            gettext_noop("the same as prompt, chosen and rejected"),
            examples.lines(examples.preference_trl), "preference",
        ),
        Format(
            "kto", gettext_noop("KTO"),
            gettext_noop("what the agent said, and whether a person let it stand (TRL)"),
            examples.lines(examples.kto), "judgement",
        ),
        Format(
            "eval", gettext_noop("Evaluation set"),
            gettext_noop("input and expected output of what people decided"),
            examples.lines(examples.evaluation), "answer",
        ),
        Format(
            "labelstudio", gettext_noop("Label Studio"),
            gettext_noop("tasks to go on with: the agent's output predicted, a person's annotated"),
            labelstudio.write, "task",
            content_type="application/json", suffix="json",
        ),
    )
}  # fmt: skip


def format_of(key: str) -> Format:
    """Raises Invalid for a format that there is not, or that this server cannot write."""
    if key not in FORMATS:
        raise _refused(_("There is no such format; there are %s.") % ", ".join(FORMATS))
    if missing := FORMATS[key].missing:
        raise _refused(missing)
    return FORMATS[key]


def _refused(message: str) -> Invalid:
    return Invalid(f"format: {message}", problems=[{"path": "/format", "message": message}])
