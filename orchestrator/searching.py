"""Search over cases: by the beginning of the key, by words in the case file and in outputs.

What a schema marks as personal is not searched. A search that takes too long ends with the
cases whose key fits, and says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.db import OperationalError, connection, transaction
from django.db.models import Q, QuerySet, TextField
from django.db.models.functions import Cast
from psycopg.errors import QueryCanceled

from orchestrator.engine.definition import definition_of
from orchestrator.models import Attempt, Case, Step, WorkflowVersion
from orchestrator.models.words import Fits, OrderedWords, Without, Words
from orchestrator.pointers import split
from orchestrator.schema.personal import MARK, personal_paths

MOST_WORDS: Final = 8
PREFIX: Final = 3
"""A word of that many characters also finds those that begin with it."""
MILLISECONDS: Final = 1500
"""Each statement that looks for words may take that long."""
FEW: Final = 5000
"""So many are sorted; of a word that more have, the newest are looked for one after the other."""

PARTS: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """Ids of cases, newest first. ``slow``: words were not looked for to the end."""

    ids: list[int]
    slow: bool = False


def search(cases: QuerySet[Case], text: str, *, size: int) -> Found:
    """The newest ``size`` of these cases that fit a text, which people typed.

    All its words have to stand in one document. At most six queries for the words.
    """
    keys = _newest(cases.filter(key__startswith=text), size)
    query = query_of(text)
    if not query:
        return Found(keys)
    hidden = _personal()
    try:
        with transaction.atomic(), _bounded():
            by_words = [
                *_newest_by_file(cases, _in_file(query, hidden), size),
                *_newest_by_outputs(cases, _in_outputs(query, hidden), size),
            ]
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        return Found(keys, slow=True)
    return Found(sorted({*keys, *by_words}, reverse=True)[:size])


def is_by_key(case: Case, text: str) -> bool:
    """Whether a case is found without a look into what it holds."""
    return case.key.startswith(text)


def query_of(text: str) -> str:
    """A tsquery, as text: each word as it was typed, or its parts. "" for no word."""
    return " & ".join(f"({_word(word)})" for word in text.lower().split()[:MOST_WORDS])


def _word(word: str) -> str:
    """PostgreSQL keeps an address whole, of R-1001 the parts r and -1001."""
    whole = _lexeme(word, is_last=True)
    parts = PARTS.findall(word)
    if not parts or parts == [word]:
        return whole if parts != [word] or not word.isdigit() else _number(word, is_last=True)
    found = (_part(part, is_last=part is parts[-1]) for part in parts)
    return f"{whole} | ({' & '.join(found)})"


def _part(part: str, *, is_last: bool) -> str:
    return (_number if part.isdigit() else _lexeme)(part, is_last=is_last)


def _number(digits: str, *, is_last: bool) -> str:
    """A hyphen before digits is kept as a sign."""
    ways = (_lexeme(sign + digits, is_last=is_last) for sign in ("", "-"))
    return f"({' | '.join(ways)})"


def _lexeme(word: str, *, is_last: bool) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'{':*' if is_last and len(word) >= PREFIX else ''}"


def _newest(cases: QuerySet[Case], size: int) -> list[int]:
    return list(cases.order_by("-pk").values_list("pk", flat=True)[:size])


def _newest_by_file(cases: QuerySet[Case], fits: Q, size: int) -> list[int]:
    found = cases.filter(fits)
    some = list(found.order_by().values_list("pk", flat=True)[: FEW + 1])
    return _newest(found, size) if len(some) > FEW else some


def _newest_by_outputs(cases: QuerySet[Case], attempts: QuerySet[Attempt], size: int) -> list[int]:
    within = attempts.filter(task__case__in=cases.order_by().values("pk"))
    some = list(within.order_by().values_list("task__case", flat=True)[: FEW + 1])
    if len(some) <= FEW:
        return some
    return _newest(cases.filter(pk__in=attempts.values("task__case")), size)


@contextmanager
def _bounded() -> Iterator[None]:
    """No statement takes longer than MILLISECONDS, and what has an index is read from it:
    PostgreSQL thinks that to make the words of a document costs nothing."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = {MILLISECONDS}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        yield
        cursor.execute("SET LOCAL statement_timeout TO DEFAULT")
        cursor.execute("SET LOCAL enable_seqscan TO DEFAULT")


@dataclass(frozen=True, slots=True)
class Personal:
    """Paths that nobody searches: of case files by version, of outputs by step."""

    files: Mapping[int, Sequence[str]]
    outputs: Mapping[int, Sequence[str]]


def _personal() -> Personal:
    """One query, and those of versions with a mark that this process has not seen yet."""
    steps = Step.objects.alias(text=Cast("schema", TextField())).filter(text__contains=MARK)
    versions = WorkflowVersion.objects.alias(text=Cast("data_schema", TextField()))
    marked = versions.filter(Q(text__contains=MARK) | Q(pk__in=steps.values("version")))
    published = marked.exclude(published_at=None)
    found = [_personal_in(pk) for pk in published.values_list("pk", flat=True)]
    return Personal(
        {pk: paths for one in found for pk, paths in one.files.items()},
        {pk: paths for one in found for pk, paths in one.outputs.items()},
    )


@lru_cache(maxsize=512)
def _personal_in(version: int) -> Personal:
    """What a published version marks, in its outputs and where they are written."""
    definition = definition_of(version)
    files = personal_paths(definition.version.data_schema)
    outputs = {}
    for step in definition.steps.values():
        if paths := personal_paths(step.schema):
            outputs[step.pk] = sorted(paths)
            files |= {place for path in paths for place in _written(step.outputs, path)}
    return Personal({version: sorted(files)} if files else {}, outputs)


def _written(outputs: Mapping[str, Any], personal: str) -> Iterator[str]:
    """Where in the case file a personal place of an output comes to stand."""
    for target, source in outputs.items():
        if f"{personal}/".startswith(f"{source}/"):
            yield target + personal.removeprefix(str(source))
        elif f"{source}/".startswith(f"{personal}/"):
            yield target


def _in_file(query: str, hidden: Personal) -> Q:
    fits = Fits(OrderedWords("data"), query)
    return _allowed("version", "data", fits, query, hidden.files)


def _in_outputs(query: str, hidden: Personal) -> QuerySet[Attempt]:
    fits = Fits(Words("output"), query)
    allowed = _allowed("task__step", "output", fits, query, hidden.outputs)
    return Attempt.objects.filter(allowed, shadow=False)


def _allowed(
    owner: str, column: str, fits: Fits, query: str, hidden: Mapping[int, Sequence[str]]
) -> Q:
    """What the index finds, looked at again without the personal paths where there are some."""
    found = ~Q((f"{owner}__in", list(hidden))) if hidden else Q()
    for pk, paths in hidden.items():
        if "" not in paths:
            rest = Fits(Words(Without(column, [split(path) for path in paths])), query)
            found |= Q((owner, pk)) & Q(rest)
    return Q(fits) & found
