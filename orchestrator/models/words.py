"""The words of JSON documents, as PostgreSQL's full-text search keeps and finds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db.models import BooleanField, Func, JSONField, TextField, Value

LONGEST: Final = 250_000
"""Bytes of a document whose words are kept; a tsvector of a much longer one may be refused."""
PENDING: Final = 16_384
"""Kilobytes of new words that wait for autovacuum to sort them in: who writes a case does not."""


class Words(Func):
    """The texts and numbers in a column of jsonb, NULL for a document that is too long.

    An index holds this very expression, so it takes no parameters: its text is the same in
    every statement.
    """

    output_field = SearchVectorField()
    read = "jsonb_to_tsvector"
    template = (
        f"CASE WHEN octet_length((%(expressions)s)::text) <= {LONGEST}"
        """ THEN %(read)s('simple', %(expressions)s, '["string", "numeric"]') END"""
    )

    def __init__(self, document: Any) -> None:
        super().__init__(document, read=self.read)

    def as_sql(self, *args: Any, **context: Any) -> tuple[str, tuple[str | int, ...]]:
        sql, parameters = super().as_sql(*args, **context)
        # The document stands there twice.
        return sql, (*parameters, *parameters)


class OrderedWords(Words):
    """The same of a column of json."""

    read = "json_to_tsvector"


class Without(Func):
    """A document as jsonb, less what stands at these paths (the parts of a pointer each)."""

    arg_joiner = " #- "
    output_field = JSONField()

    def __init__(self, column: str, paths: Sequence[Sequence[str]]) -> None:
        parts = ArrayField(TextField())
        super().__init__(
            Func(column, template="(%(expressions)s)::jsonb"),
            *(Value(list(path), output_field=parts) for path in paths),
            template="(%(expressions)s)",
        )


class Fits(Func):
    """Whether words match a tsquery, given as its text."""

    arg_joiner = " @@ "
    template = "%(expressions)s"
    output_field = BooleanField()

    def __init__(self, words: Words, query: str) -> None:
        super().__init__(
            Func(words, template="(%(expressions)s)"),
            Func(Value(query), template="(%(expressions)s)::tsquery"),
        )
