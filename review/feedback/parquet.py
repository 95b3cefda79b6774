"""Feedback as columns; pyarrow is an extra and is loaded when somebody asks for it."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from review.feedback.rows import KEYS, Row

ROWS_IN_GROUP: Final = 5_000
TYPES: Final = {
    "int64": ("cursor", "id", "version", "case", "task"),
    "double": ("confidence", "seconds"),
    "bool": ("audit", "blind"),
    "timestamp[us, tz=UTC]": ("decided_at",),
}
"""What is none of these is a string."""


def type_names() -> dict[str, str]:
    """Each column with its type as Arrow spells it."""
    special = {key: name for name, keys in TYPES.items() for key in keys}
    return {key: special.get(key, "string") for key in KEYS}


class Sink(io.RawIOBase):
    """A file that only grows, and whose new end can be taken away to be sent."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        found = b"".join(self._parts)
        self._parts.clear()
        return found


def write(batches: Iterable[list[Row]]) -> Iterator[bytes]:
    """A file of groups of at least ``ROWS_IN_GROUP`` rows; what is JSON in a row is its text."""
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    schema = arrow.schema([(key, _type(arrow, name)) for key, name in type_names().items()])
    sink = Sink()
    with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
        for rows in _groups(batches):
            columns = [[row[field.name] for row in rows] for field in schema]
            arrays = map(arrow.array, columns, schema.types)
            writer.write_table(arrow.Table.from_arrays(list(arrays), schema=schema))
            yield sink.taken()
    yield sink.taken()


def _type(arrow: Any, name: str) -> Any:
    return arrow.timestamp("us", tz="UTC") if "[" in name else arrow.type_for_alias(name)


def _groups(batches: Iterable[list[Row]]) -> Iterator[list[Row]]:
    gathered: list[Row] = []
    for batch in batches:
        gathered += batch
        if len(gathered) >= ROWS_IN_GROUP:
            yield gathered
            gathered = []
    if gathered:
        yield gathered
