"""A hundred thousand cases: one that the engine made, written many times by the database.

Every copy is what the engine would have written: rows, constraints and the hash chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Model

from orchestrator.diffing import canonical
from orchestrator.engine import events
from orchestrator.models import (
    Attempt,
    Case,
    Decision,
    Event,
    Routing,
    Seat,
    Task,
    Verdict,
)

TABLES: Final = (Case, Task, Attempt, Routing, Seat, Decision, Verdict)
SPREAD: Final = "mod(g * 7919::bigint, 85000) / 100000.0"
LATER: Final = "mod(g * 104729::bigint, 86400) * interval '1 second'"
"""Confidences below .85 and times within a day, in no order and always the same."""

Offsets = Mapping[str, int]


def multiply(case: Case, count: int) -> None:
    """Write ``count`` more cases like this one, whose tables hold one row of it each."""
    rows = _rows(case)
    with transaction.atomic(), connection.cursor() as cursor:
        past = {name: _largest(cursor, type(row)) for name, row in rows.items()}
        _copy_events(cursor, case, rows, past, count)
        for name, row in rows.items():
            changed = _changed(name, row, past, rows)
            if name == "case":
                changed |= {"key": f"'more-' || ({past['case']} + g)", "head": _head(case, past)}
            _insert(cursor, row, changed, count)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
    last = Case.objects.order_by("-pk")[0]
    assert events.first_break(last) is None, "the copies have broken chains"


def _rows(case: Case) -> dict[str, Model]:
    """The one row of the case in each table, by the table's short name; absent ones left out."""
    task = case.tasks.get()
    found: dict[str, Model] = {"case": case, "task": task}
    for model in (Attempt, Routing, Seat, Decision):
        for row in model._default_manager.filter(task=task):
            found[model._meta.model_name or ""] = row
    for verdict in Verdict.objects.filter(decision__task=task):
        found["verdict"] = verdict
    return found


def _largest(cursor: Any, model: type[Model]) -> int:
    cursor.execute(f"SELECT max(id) FROM {model._meta.db_table}")
    return int(cursor.fetchone()[0])


def _changed(name: str, row: Model, past: Offsets, rows: Mapping[str, Model]) -> dict[str, str]:
    """Column -> SQL of what differs from copy to copy: ids, confidences, times."""
    changed = {
        str(field.column): f"{past[kind]} + g"
        for field in row._meta.local_concrete_fields
        for kind in (field.name,)
        if kind in past and getattr(row, field.attname) is not None
    }
    now = f"clock_timestamp() + {LATER}"
    own = {
        "task": {
            "effect_key": f"({past['case']} + g) || substr(t.effect_key, strpos(t.effect_key, ':'))"
        },
        "attempt": {"confidence": SPREAD},
        "routing": {"facts": f"jsonb_set(t.facts, '{{confidence}}', to_jsonb({SPREAD}))"},
        "seat": {"rank": SPREAD, "due_at": now, "claim_token": _token(row)},
    }
    return {"id": f"{past[name]} + g"} | changed | own.get(name, {})


def _token(row: Model) -> str:
    return "gen_random_uuid()" if getattr(row, "claim_token", None) else "NULL"


def _insert(cursor: Any, row: Model, changed: Mapping[str, str], count: int) -> None:
    meta = row._meta
    columns = [str(field.column) for field in meta.local_concrete_fields]
    values = ", ".join(changed.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f"INSERT INTO {meta.db_table} ({names}) SELECT {values}"
        f" FROM {meta.db_table} t, generate_series(1, %s) g WHERE t.id = %s",
        [count, row.pk],
    )
    cursor.execute(
        f"SELECT setval(pg_get_serial_sequence('{meta.db_table}', 'id'), max(id))"
        f" FROM {meta.db_table}"
    )


def _head(case: Case, past: Offsets) -> str:
    stream = f"'case:' || ({past['case']} + g)"
    return f"(SELECT hash FROM orchestrator_event WHERE stream = {stream} AND seq = {case.seq})"


def _copy_events(
    cursor: Any, case: Case, rows: Mapping[str, Model], past: Offsets, count: int
) -> None:
    """The links of each chain, one place in it after the other."""
    for event in Event.objects.filter(stream=events.stream_of(case)).order_by("seq"):
        refs = "'" + canonical(_holed(event.refs)).decode() + "'"
        said = f"'{_said(event)}'"
        for name, largest in past.items():
            refs = refs.replace(f'"@{name}"', f"' || ({largest} + g) || '")
            said = said.replace(f'"@{name}"', f"' || ({largest} + g) || '")
        stream = f"'case:' || ({past['case']} + g)"
        said = said.replace("@stream", f"' || {stream} || '")
        said = said.replace("@prev", "' || COALESCE(p.hash, '') || '")
        cursor.execute(
            "INSERT INTO orchestrator_event"
            " (stream, seq, at, type, actor_id, refs, payload, prev, hash)"
            f" SELECT {stream}, e.seq, e.at, e.type, e.actor_id, ({refs})::jsonb, e.payload,"
            f" COALESCE(p.hash, ''), encode(sha256(convert_to({said}, 'UTF8')), 'hex')"
            " FROM orchestrator_event e CROSS JOIN generate_series(1, %s) g"
            f" LEFT JOIN orchestrator_event p ON p.stream = {stream} AND p.seq = e.seq - 1"
            " WHERE e.id = %s",
            [count, event.pk],
        )


def _holed(refs: Mapping[str, int]) -> dict[str, str]:
    return {name: f"@{name}" for name in refs}


def _said(event: Event) -> str:
    """What ``events.hash_of`` hashes, with holes for what differs from copy to copy."""
    text = canonical(
        {
            "stream": "@stream",
            "seq": event.seq,
            "at": event.at.isoformat(),
            "type": event.type,
            "actor": event.actor_id,
            "refs": _holed(event.refs),
            "payload": event.payload,
            "prev": "@prev",
        }
    )
    return text.decode().replace("'", "''")
