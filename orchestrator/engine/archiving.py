"""Months of the record as files: JSON Lines, gzipped, and a list of their SHA-256 beside them."""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import orjson

from orchestrator.models import Event, Inbound
from orchestrator.models.partitions import Month

SUMS: Final = "SHA256SUMS"
"""As ``sha256sum --check`` reads it."""

ROWS: Final = 5000
EVENTS: Final = 'SELECT * FROM "{name}" WHERE stream > %s ORDER BY stream, seq LIMIT %s'
INBOUND: Final = 'SELECT * FROM "{name}" WHERE id > %s ORDER BY id LIMIT %s'


class Archive:
    """The file of one month, under its name only once all of it is on the disk."""

    def __init__(self, month: Month, folder: Path) -> None:
        self.path = folder / f"{month.table}-{month.start:%Y-%m}.jsonl.gz"
        self.draft = folder / f"{self.path.name}.part"
        self.raw = self.draft.open("wb")
        self.draft.chmod(0o600)
        self.out = gzip.GzipFile(fileobj=self.raw, mode="wb", mtime=0)

    def add(self, rows: Sequence[Event | Inbound]) -> None:
        for row in rows:
            names = [field.attname for field in row._meta.concrete_fields]  # noqa: SLF001
            columns = {name: getattr(row, name) for name in names}
            self.out.write(orjson.dumps(columns, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> str:
        """Finish the file and list it; returns its SHA-256."""
        self.out.close()
        _flush(self.raw)
        self.raw.close()
        with self.draft.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self.draft.rename(self.path)
        _list(self.path, sha256)
        return sha256


def _flush(file: IO[Any]) -> None:
    """Onto the disk, also what Python still holds."""
    file.flush()
    os.fsync(file.fileno())


def _list(path: Path, sha256: str) -> None:
    sums = path.with_name(SUMS)
    lines = sums.read_text().splitlines() if sums.exists() else []
    kept = [line for line in lines if not line.endswith(f"  {path.name}")]
    with sums.open("w") as file:
        file.write("\n".join([*kept, f"{sha256}  {path.name}", ""]))
        _flush(file)


def events_of(month: Month) -> Iterator[list[Event]]:
    """The events of a month in the order of their chains, whole chains at a time."""
    after, size = "", ROWS
    while True:
        rows = list(Event.objects.raw(EVENTS.format(name=month.name), [after, size]))
        is_last = len(rows) < size
        whole = rows if is_last else [row for row in rows if row.stream != rows[-1].stream]
        if whole:
            yield whole
            after, size = whole[-1].stream, ROWS
        else:
            # One chain alone is longer than that.
            size *= 2
        if is_last:
            return


def inbound_of(month: Month) -> Iterator[list[Inbound]]:
    """The inbound messages of a month in the order of their ids."""
    after = 0
    while rows := list(Inbound.objects.raw(INBOUND.format(name=month.name), [after, ROWS])):
        yield rows
        after = rows[-1].pk
