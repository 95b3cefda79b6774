"""The rows of feedback, one per settled decision, read in short batches.

No transaction spans two batches: a slow reader holds no lock, no snapshot and no connection's
cursor. The record is append-only, so batches by id see what one long query would.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.db import connection

from orchestrator import engine
from orchestrator.models import ActorKind, Word
from review.feedback import sql
from review.feedback.provenance import NONE_KNOWN, field_provenance, input_of_case
from review.feedback.query import Query

KEYS: Final = (
    "cursor", "id", "workflow", "version", "step", "case", "case_key", "task", "input", "output",
    "final", "decision", "corrections", "patch", "confidence", "field_confidence",
    "field_provenance", "route", "model", "agent", "reviewer", "actor_kind", "audit", "blind",
    "seconds", "comment", "decided_at",
)  # fmt: skip
NESTED: Final = frozenset({
    "input", "output", "final", "corrections", "patch", "field_confidence", "field_provenance",
    "route",
})  # fmt: skip
"""Under these keys a row has the text of a JSON value, or None."""

JUDGES_NO_FIELD: Final = frozenset({Word.REJECTED, Word.ESCALATED})
LONG: Final = ("input", "output", "final", "patch", "corrections")

FIRST_BATCH: Final = 4
LARGEST_BATCH: Final = 500
BATCH_CHARACTERS: Final = 1 << 20

Row = dict[str, Any]
_Values = tuple[Any, ...]


class Count(NamedTuple):
    """How many rows ``match``, how many of these are of the ``kind`` asked for, and the cursor
    of the last one that was looked at."""

    matching: int
    fitting: int
    last: int


def batches(query: Query, watermark: int, kind: sql.Kind = "row") -> Iterator[list[Row]]:
    """The rows up to ``watermark`` in the order of their cursor, a batch at a time.

    A batch is as large as the rows before it allow, so memory does not grow with the size of
    a case.
    """
    given = _parameters(query) | {"watermark": watermark}
    left = query.limit
    size = FIRST_BATCH
    while left is None or left > 0:
        given["batch"] = size if left is None else min(size, left)
        found = _fetched(sql.batch(given, kind), given)
        batch = [_row(values) for values in found]
        if batch:
            yield batch
        if len(found) < given["batch"]:
            return
        given["since"] = found[-1][0]
        left = None if left is None else left - len(found)
        size = _next_size(size, batch)


def count(query: Query, *, most: int, kind: sql.Kind = "row") -> Count:
    """Look at the first ``most`` rows that match; ``query.limit`` does not matter."""
    given = _parameters(query) | {"watermark": engine.verdict_watermark(), "most": most}
    return Count(*_fetched(sql.count(given, kind), given)[0])


def _parameters(query: Query) -> dict[str, Any]:
    optional = {
        "start": query.start,
        "end": query.end,
        "decision": query.decision,
        "reviewers": None if query.reviewers is None else list(query.reviewers),
    }
    given = {name: value for name, value in optional.items() if value is not None}
    return {"workflows": list(query.workflows), "since": query.since, **given}


def _fetched(statement: str, parameters: Mapping[str, Any]) -> list[_Values]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _row(values: _Values) -> Row:
    row = dict(zip(KEYS, values, strict=False))
    says, said, judges_agent, data, wrote = values[len(KEYS) :]
    if data is not None:
        row["input"] = input_of_case(data, wrote, row["task"])
    row["field_provenance"] = "{}"
    if says and row["decision"] not in JUDGES_NO_FIELD:
        # Only of the first round is it sure that corrections lead from the agent's output.
        known = row["corrections"] if judges_agent else NONE_KNOWN
        is_person = row["actor_kind"] == ActorKind.HUMAN
        row["field_provenance"] = field_provenance(row["output"], said, known, is_person=is_person)
    return row


def _next_size(size: int, found: Sequence[Row]) -> int:
    characters = sum(len(row[key] or "") for row in found for key in LONG)
    fitting = BATCH_CHARACTERS * len(found) // (characters + 1)
    return max(1, min(size * 2, fitting, LARGEST_BATCH))
