"""Queries of the busiest paths, written once: Django takes longer to write one than PostgreSQL
to answer it. They do what a queryset's ``first`` does; ``rows`` does what a row's ``save`` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.base import ModelState
from django.db.models.query import get_related_populators

Row = TypeVar("Row", bound=Model)

# Values that no query has by itself stand for the real ones when its SQL is made.
ID: Final = 7_061_706_170_617
NUMBER: Final = 706_170_617
TOKEN: Final = UUID(int=ID)


class Kept(Generic[Row]):
    """A query over whole rows whose SQL is written at its first run.

    ``build`` makes it from values like ``holes``: ID, NUMBER, TOKEN, or a text that no query has.
    """

    def __init__(self, build: Callable[..., QuerySet[Row]], *holes: Any) -> None:
        self.build, self.holes = build, holes

    def first(self, *values: Any) -> Row | None:
        """The first row, with those that ``select_related`` names."""
        found = self.all(*values)
        return found[0] if found else None

    def all(self, *values: Any) -> list[Row]:
        plan = self._plan
        with connection.cursor() as cursor:
            cursor.execute(plan.sql, [one(values) for one in plan.parameters])
            return [plan.row(found) for found in cursor.fetchall()]

    @cached_property
    def _plan(self) -> _Plan:
        query = self.build(*self.holes).query
        compiler: Any = query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        lost = [hole for hole in self.holes if hole not in parameters]
        assert not lost, f"{lost} became something else in {sql}"  # noqa: S101
        return _Plan(sql, [self._parameter(one) for one in parameters], compiler)

    def _parameter(self, value: Any) -> Callable[[Sequence[Any]], Any]:
        if value in self.holes:
            return itemgetter(self.holes.index(value))
        return lambda _: value


class _Plan:
    """The SQL, its parameters, and how its rows become objects."""

    def __init__(self, sql: str, parameters: list[Callable[..., Any]], compiler: Any) -> None:
        self.sql, self.parameters = sql, parameters
        info, select = compiler.klass_info, compiler.select
        columns = info["select_fields"]
        self.start, self.end = columns[0], columns[-1] + 1
        self.model = info["model"]
        self.names = [select[place][0].target.attname for place in columns]
        self.related = get_related_populators(info, select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
        self.extra = compiler.annotation_col_map.items()
        converters = compiler.get_converters([column for column, *_ in select])
        self.converters = [(at, *one) for at, one in converters.items()]

    def row(self, found: Sequence[Any]) -> Any:
        values = list(found)
        for place, converters, expression in self.converters:
            for convert in converters:
                values[place] = convert(values[place], expression, connection)
        row = self.model.from_db(DEFAULT_DB_ALIAS, self.names, values[self.start : self.end])
        for populator in self.related:
            populator.populate(values, row)
        for name, place in self.extra:
            setattr(row, name, values[place])
        return row


class Joined:
    """A query by hand over rows of several kinds: ``SELECT {task}, {seat}, now() FROM …``.

    ``models`` says what each word in braces stands for; it is the table's alias too, and they
    come first and in this order. What else is selected follows as it comes.
    """

    def __init__(self, sql: str, **models: type[Model]) -> None:
        self.sql, self.models = sql, models

    def first(self, parameters: Sequence[Any] | Mapping[str, Any]) -> tuple[Any, ...] | None:
        found = self.all(parameters)
        return found[0] if found else None

    def all(self, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """One row of each kind, None for one that an outer join did not find, and the rest."""
        with connection.cursor() as cursor:
            cursor.execute(self._statement, parameters)
            return [self._rows(found) for found in cursor.fetchall()]

    @cached_property
    def _statement(self) -> str:
        columns = {name: _selected(name, model) for name, model in self.models.items()}
        return self.sql.format(**columns)

    @cached_property
    def _readers(self) -> list[_Reader]:
        return [_Reader(model) for model in self.models.values()]

    def _rows(self, found: Sequence[Any]) -> tuple[Any, ...]:
        rows, start = [], 0
        for reader in self._readers:
            end = start + len(reader.names)
            rows.append(reader.row(list(found[start:end])))
            start = end
        return (*rows, *found[start:])


def _selected(alias: str, model: type[Model]) -> str:
    return ", ".join(f'"{alias}"."{field.column}"' for field in model._meta.concrete_fields)


class _Reader:
    """How the columns of one table become a row."""

    def __init__(self, model: type[Model]) -> None:
        fields = model._meta.concrete_fields
        self.model, self.names = model, [field.attname for field in fields]
        self.key = fields.index(model._meta.pk)
        self.converters = [
            (place, convert, field.get_col(model._meta.db_table))
            for place, field in enumerate(fields)
            for convert in (
                *connection.ops.get_db_converters(field.get_col(model._meta.db_table)),
                *field.get_db_converters(connection),
            )
        ]

    def row(self, values: list[Any]) -> Any:
        if values[self.key] is None:
            return None
        for place, convert, column in self.converters:
            values[place] = convert(values[place], column, connection)
        # Every column is there, so nothing is left that the constructor would set.
        row = self.model.__new__(self.model)
        row.__dict__.update(zip(self.names, values, strict=True))
        row._state = ModelState()
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return row
