"""Rows of the busiest paths: made and saved as Django does it, in statements that are written once
and without signals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault

Row = TypeVar("Row", bound=Model)


class _Blank:
    """What a new row of a model says by itself."""

    def __init__(self, model: type[Model]) -> None:
        fields = model._meta.concrete_fields
        self.made = {
            one.attname: one.default
            for one in fields
            if one.has_default() and callable(one.default)
        }
        self.plain = {
            one.attname: one.get_default() for one in fields if one.attname not in self.made
        }
        self.relations = {one.name: one.attname for one in fields if one.is_relation}
        self.known = {"_state", *self.plain, *self.made}


_blank = lru_cache(maxsize=64)(_Blank)


def new(model: type[Row], /, **values: Any) -> Row:
    """A row that is not saved yet, as the constructor makes it, in a fifth of the time.

    Raises KeyError for a name that the model does not have.
    """
    blank = _blank(model)
    row, state = model.__new__(model), ModelState()
    row._state = state
    told = row.__dict__
    told.update(blank.plain, id=values.pop("pk", None))
    for name, make in blank.made.items():
        told[name] = make()
    for name, value in values.items():
        if name in blank.relations:
            state.fields_cache[name] = value
            told[blank.relations[name]] = value and value.pk
        else:
            told[name] = value
    if not told.keys() <= blank.known:
        raise KeyError(*told.keys() - blank.known)
    return row


@dataclass(frozen=True, slots=True)
class _Write:
    sql: str
    fields: tuple[Field[Any, Any], ...]

    def values(self, row: Model) -> list[Any]:
        return [
            field.get_db_prep_save(getattr(row, field.attname), connection) for field in self.fields
        ]


def store(row: Model, *names: str) -> None:
    """Save these fields of a row that is there."""
    write = _update(type(row), names)
    with connection.cursor() as cursor:
        cursor.execute(write.sql, [*write.values(row), row.pk])


def _fields(model: type[Model], names: tuple[str, ...]) -> tuple[Field[Any, Any], ...]:
    return tuple(cast("Field[Any, Any]", model._meta.get_field(name)) for name in names)


@lru_cache(maxsize=256)
def _update(model: type[Model], names: tuple[str, ...]) -> _Write:
    fields = _fields(model, names)
    columns = ", ".join(f'"{field.column}" = %s' for field in fields)
    sql = f'UPDATE {model._meta.db_table} SET {columns} WHERE "id" = %s'  # noqa: S608
    return _Write(sql, fields)


def insert(*rows: Model) -> None:
    """Save new rows of one kind, which then have their ids.

    What they leave to the database stays unknown, and must be the same for all.
    """
    if not rows:
        return
    write = _insert(type(rows[0]), _given(rows[0]), len(rows))
    with connection.cursor() as cursor:
        cursor.execute(write.sql, [value for row in rows for value in write.values(row)])
        _saved(rows, cursor.fetchall())


def insert_unless_taken(row: Model) -> bool:
    """Save a new row, which then has its id; False where one of its unique keys is taken."""
    write = _insert(type(row), _given(row), 1)
    sql = write.sql.replace(" RETURNING ", " ON CONFLICT DO NOTHING RETURNING ")
    with connection.cursor() as cursor:
        cursor.execute(sql, write.values(row))
        found = cursor.fetchone()
    if found is not None:
        _saved([row], [found])
    return found is not None


def insert_beside(
    row: Model, *names: str, new: Sequence[Model], link: str = "", after: str = ""
) -> None:
    """Save these fields of a row that is there, and new rows of one kind, in one statement.

    The new rows then have their ids. ``link`` is the field that points at the only one.
    ``after`` is a call in SQL that is made before the new rows draw their ids.
    """
    made = _insert(type(new[0]), _given(new[0]), len(new), after)
    write = _beside(made.sql, _update(type(row), names), link)
    values = [value for one in new for value in made.values(one)]
    with connection.cursor() as cursor:
        cursor.execute(write.sql, [*values, *write.values(row), row.pk])
        _saved(new, cursor.fetchall())
    if link:
        setattr(row, link, new[0])


def _saved(rows: Sequence[Model], ids: Sequence[tuple[int]]) -> None:
    for row, (pk,) in zip(rows, ids, strict=True):
        row.pk = pk
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@lru_cache(maxsize=256)
def _beside(insert: str, update: _Write, link: str) -> _Write:
    change = update.sql
    if link:
        head, _, rest = change.partition(" SET ")
        columns, _, where = rest.partition(" WHERE ")
        table = head.split()[1]
        change = f'{head} SET "{link}_id" = made.id, {columns} FROM made WHERE {table}.{where}'
    sql = f"WITH made AS ({insert}), changed AS ({change}) SELECT id FROM made"  # noqa: S608
    return _Write(sql, update.fields)


def insert_many(rows: Sequence[Model]) -> set[int]:
    """Save any number of new rows of one kind; returns the ids of those that were not there.

    They go as one JSON text, which costs a fifth of one parameter for each value. Rows keep
    the ids that they have, and learn no others.
    """
    if not rows:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(f"{_populated(rows)} ON CONFLICT DO NOTHING RETURNING id", [_text(rows)])
        return {pk for (pk,) in cursor.fetchall()}


def insert_families(parents: Sequence[Model], children: Sequence[Model], link: str) -> set[int]:
    """``insert_many`` of the parents, and in the same statement of the children of those that
    were not there; their column ``link`` points at the parents' ids."""
    if not parents:
        return set()
    some = f"{_populated(children)} JOIN made ON made.pk = given.{link}"
    sql = (
        f"WITH made AS ({_populated(parents)} ON CONFLICT DO NOTHING RETURNING id AS pk),"  # noqa: S608
        f" born AS ({some}) SELECT pk FROM made"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_text(parents), _text(children)])
        return {pk for (pk,) in cursor.fetchall()}


def _populated(rows: Sequence[Model]) -> str:
    table = rows[0]._meta.db_table
    names = ", ".join(f'"{name}"' for name in _columns(type(rows[0]), _given(rows[0])))
    return (
        f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608
        f" FROM json_populate_recordset(NULL::{table}, %s) AS given"
    )


def _text(rows: Sequence[Model]) -> str:
    columns = _columns(type(rows[0]), _given(rows[0]))
    return _json([{one: row.__dict__[name] for one, name in columns.items()} for row in rows])


def _json(rows: list[dict[str, Any]]) -> str:
    """orjson takes a seventh of the time, but no whole number beyond 64 bits."""
    try:
        return orjson.dumps(rows, default=_told).decode()
    except orjson.JSONEncodeError:
        return json.dumps(rows, default=_told)


def _told(value: Any) -> str:
    """What JSON has no word for, as PostgreSQL reads it. Raises TypeError."""
    if isinstance(value, datetime | Decimal | UUID):
        return str(value)
    raise TypeError(type(value).__name__)


@lru_cache(maxsize=64)
def _columns(model: type[Model], names: tuple[str, ...]) -> dict[str, str]:
    """Column -> attribute."""
    return {str(field.column): field.attname for field in _fields(model, names)}


def _given(row: Model) -> tuple[str, ...]:
    return tuple(
        field.name
        for field in row._meta.local_concrete_fields
        if not isinstance(value := getattr(row, field.attname), DatabaseDefault)
        and not (field.primary_key and value is None)
    )


@lru_cache(maxsize=256)
def _insert(model: type[Model], names: tuple[str, ...], count: int, after: str = "") -> _Write:
    fields = _fields(model, names)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    every = ", ".join([f"({marks})"] * count)
    rows = f"VALUES {every}"
    if after:
        rows = f"SELECT new.* FROM (SELECT {after}) AS first, ({rows}) AS new"  # noqa: S608
    sql = f'INSERT INTO {model._meta.db_table} ({columns}) {rows} RETURNING "id"'
    return _Write(sql, fields)
