"""Feedback on its way out: the stream, what was counted of it, and the files it lands in."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import orjson
from django.utils import timezone

from orchestrator import engine
from review.feedback.examples import ids
from review.feedback.formats import format_of
from review.feedback.query import Query
from review.feedback.rows import Row, batches

SCHEMA_VERSION: Final = 1


def stream(format: str, query: Query) -> Iterator[bytes]:  # noqa: A002
    """The rows as the API sends them: jsonl ends with the line ``{"cursor": …}``.

    The cursor is that of everything looked at, so a program that asks with it again and
    again never reads the same part twice. Raises Invalid for an unknown format.
    """
    outgoing = Outgoing(format, query)
    ends = format_of(format).ends_with_cursor
    return sent(outgoing.with_cursor() if ends else outgoing, format)


def sent(chunks: Iterable[bytes], format: str) -> Iterator[bytes]:  # noqa: A002
    """The chunks as they go over HTTP, where the end of an answer that failed looks like that of
    a whole one: what was torn off has a last line that no reader takes for a row."""
    try:
        yield from chunks
    except Exception:
        yield format_of(format).torn
        raise


@dataclass(slots=True)
class Outgoing:
    """The rows of a query in a format, to be iterated once, and then its manifest.

    ``upto`` is the last cursor to look at, by default that of the last settled decision.
    ``ids`` takes a line for each row, ``told`` the number of rows after each batch.
    """

    format: str
    query: Query
    upto: int | None = None
    ids: IO[bytes] | None = None
    told: Callable[[int], None] | None = None
    decisions: Counter[str] = field(default_factory=Counter)
    versions: dict[str, set[int]] = field(default_factory=dict)
    cursor: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)
    begun: datetime = field(default_factory=timezone.now)

    def __post_init__(self) -> None:
        format_of(self.format)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in format_of(self.format).write(self._counted()):
            self.sha256.update(chunk)
            yield chunk

    def with_cursor(self) -> Iterator[bytes]:
        yield from self
        yield orjson.dumps({"cursor": self.cursor}, option=orjson.OPT_APPEND_NEWLINE)

    @property
    def rows(self) -> int:
        return self.decisions.total()

    def manifest(self) -> dict[str, Any]:
        """What was written; whole after the last row."""
        return {
            "sha256": self.sha256.hexdigest(),
            "schema_version": SCHEMA_VERSION,
            "format": self.format,
            "filter": dict(self.query.asked or {}),
            "counts": {"rows": self.rows, "decisions": dict(self.decisions)},
            "workflows": {slug: sorted(found) for slug, found in sorted(self.versions.items())},
            "created_at": timezone.now(),
            "cursor": self.cursor,
        }

    def _counted(self) -> Iterator[list[Row]]:
        watermark = engine.verdict_watermark() if self.upto is None else self.upto
        self.cursor = self.query.since
        for batch in batches(self.query, watermark, format_of(self.format).kind):
            self._count(batch)
            yield batch
            if self.told:
                self.told(self.rows)
        if self.rows != self.query.limit:
            self.cursor = max(self.cursor, watermark)

    def _count(self, batch: list[Row]) -> None:
        self.decisions.update(row["decision"] for row in batch)
        for slug, number in {(row["workflow"], row["version"]) for row in batch}:
            self.versions.setdefault(slug, set()).add(number)
        self.cursor = batch[-1]["cursor"]
        if self.ids:
            lines = (orjson.dumps(ids(row), option=orjson.OPT_APPEND_NEWLINE) for row in batch)
            self.ids.write(b"".join(lines))


def manifest_line(outgoing: Outgoing) -> bytes:
    return orjson.dumps(outgoing.manifest(), option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def write_files(outgoing: Outgoing, path: Path) -> Path:
    """Write the rows to ``path`` and the manifest beside it; returns the manifest's path.

    Where the format has no place for ids they stand in a file of their own, in the same order.
    Each appears whole or not at all, readable by its owner only; the manifest comes last.
    Raises OSError.
    """
    with ExitStack() as files:
        if not format_of(outgoing.format).names_rows:
            outgoing.ids = files.enter_context(_replacing(_beside(path, "ids.jsonl")))
        file = files.enter_context(_replacing(path))
        for chunk in outgoing:
            file.write(chunk)
    manifest = _beside(path, "manifest.json")
    with _replacing(manifest) as file:
        file.write(manifest_line(outgoing))
    return manifest


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(f"{path.name}.{ending}")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes the place of ``path`` once it is whole and on the disk."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
