"""Feedback on its way out: the stream, what was counted of it, and the files it lands in."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import orjson
from django.utils import timezone

from orchestrator import engine
from review.feedback.formats import format_of
from review.feedback.query import Query
from review.feedback.rows import Row, batches

SCHEMA_VERSION: Final = 1


def stream(format: str, query: Query) -> Iterator[bytes]:  # noqa: A002
    """The rows as the API sends them: jsonl ends with the line ``{"cursor": …}``.

    The cursor is that of everything looked at, so a program that asks with it again and
    again never reads the same part twice. Raises Invalid for an unknown format.
    """
    export = Export(format, query)
    return export.with_cursor() if format_of(format).ends_with_cursor else iter(export)


@dataclass(slots=True)
class Export:
    """The rows of a query in a format, to be iterated once, and then its manifest."""

    format: str
    query: Query
    decisions: Counter[str] = field(default_factory=Counter)
    versions: dict[str, set[int]] = field(default_factory=dict)
    cursor: int = 0
    sha256: Any = field(default_factory=hashlib.sha256)

    def __post_init__(self) -> None:
        format_of(self.format)

    def __iter__(self) -> Iterator[bytes]:
        for chunk in format_of(self.format).write(self._counted()):
            self.sha256.update(chunk)
            yield chunk

    def with_cursor(self) -> Iterator[bytes]:
        yield from self
        yield orjson.dumps({"cursor": self.cursor}, option=orjson.OPT_APPEND_NEWLINE)

    def manifest(self) -> dict[str, Any]:
        """What was written; whole after the last row."""
        return {
            "sha256": self.sha256.hexdigest(),
            "schema_version": SCHEMA_VERSION,
            "format": self.format,
            "filter": dict(self.query.asked or {}),
            "counts": {"rows": self.decisions.total(), "decisions": dict(self.decisions)},
            "workflows": {slug: sorted(found) for slug, found in sorted(self.versions.items())},
            "created_at": timezone.now(),
            "cursor": self.cursor,
        }

    def _counted(self) -> Iterator[list[Row]]:
        watermark = engine.verdict_watermark()
        self.cursor = self.query.since
        for batch in batches(self.query, watermark):
            self._count(batch)
            yield batch
        if self.decisions.total() != self.query.limit:
            self.cursor = max(self.cursor, watermark)

    def _count(self, batch: list[Row]) -> None:
        self.decisions.update(row["decision"] for row in batch)
        for slug, number in {(row["workflow"], row["version"]) for row in batch}:
            self.versions.setdefault(slug, set()).add(number)
        self.cursor = batch[-1]["cursor"]


def manifest_line(export: Export) -> bytes:
    return orjson.dumps(export.manifest(), option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def write_files(export: Export, path: Path) -> Path:
    """Write the rows to ``path`` and the manifest beside it; returns the manifest's path.

    Each appears whole or not at all, readable by its owner only; the manifest comes last.
    Raises OSError.
    """
    manifest = path.with_name(f"{path.name}.manifest.json")
    with _replacing(path) as file:
        for chunk in export:
            file.write(chunk)
    with _replacing(manifest) as file:
        file.write(manifest_line(export))
    return manifest


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
