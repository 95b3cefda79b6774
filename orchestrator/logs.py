"""Log lines: readable or JSON, each with what it is about, none with what a case says.

Standard library only: the settings read it, and so may every module of the core.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default=_NOTHING)
_CARRIED: Final = "log_ids"


@contextmanager
def about(**ids: int | str) -> Iterator[None]:
    """Lines written inside carry these ids, and so does an error that leaves it."""
    token = _about.set({**_about.get(), **ids})
    try:
        yield
    except Exception as error:
        # It is logged further up, where these ids are no longer set.
        error.__dict__[_CARRIED] = {**_about.get(), **error.__dict__.get(_CARRIED, {})}
        raise
    finally:
        _about.reset(token)


def add(**ids: int | str) -> None:
    """From here to the end of the surrounding ``about``, lines carry these ids as well."""
    _about.set({**_about.get(), **ids})


class Ids(logging.Filter):
    """Gives each record ``ids``: those of its surroundings and of its error."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        record.ids = {**_about.get(), **(vars(error).get(_CARRIED, {}) if error else {})}
        return True


class Line(logging.Formatter):
    """One readable line; an error's stack follows it, indented."""

    def format(self, record: logging.LogRecord) -> str:
        ids = "".join(f" {name}={value}" for name, value in _ids(record).items())
        line = f"{_time(record)} {record.levelname} {record.name} {_message(record)}{ids}"
        return "\n  ".join([line, *_stack(record)])


class Json(logging.Formatter):
    """One JSON object on one line: time, level, logger, message, the ids, an error's stack."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
            **_ids(record),
        }
        if stack := _stack(record):
            told["error"], told["stack"] = stack[-1], stack[:-1]
        return json.dumps(told, ensure_ascii=False, default=str)


def _ids(record: logging.LogRecord) -> dict[str, Any]:
    return getattr(record, "ids", {}) | getattr(record, "facts", {})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _message(record: logging.LogRecord) -> str:
    """What the line says. Text from outside cannot begin a line of its own."""
    celery = getattr(record, "data", None)
    if record.name == "celery.app.trace" and isinstance(celery, dict):
        # Celery writes the error's text and arguments into its message.
        return f"{celery.get('name')} [{celery.get('id')}] {celery.get('description', 'ended')}"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in record.getMessage())


def _stack(record: logging.LogRecord) -> list[str]:
    """Where an error was raised, outermost first, and at last its kind.

    Not its text: a constraint quotes the row that breaks it, a parser what it cannot read.
    """
    if not record.exc_info or record.exc_info[1] is None:
        return []
    error = record.exc_info[1]
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return [*places, _kind(error)]


def _kind(error: BaseException) -> str:
    """The error's class and those it came from; of the database's, state and constraint too."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < 5:
        diagnosis = getattr(cause, "diag", None)
        told = (getattr(diagnosis, name, None) for name in ("sqlstate", "constraint_name"))
        kinds.append(" ".join([type(cause).__qualname__, *filter(None, told)]))
        cause = cause.__cause__
    return " from ".join(kinds)


def config(*, form: str, level: str) -> dict[str, Any]:
    """The LOGGING setting; ``form`` is "line" or "json", to stderr. Raises ValueError."""
    forms = {"line": Line, "json": Json}
    if form not in forms:
        raise ValueError(f"LOG_FORMAT is {form!r}: set it to line or json.")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"ids": {"()": Ids}},
        "formatters": {"chosen": {"()": forms[form]}},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "chosen",
                "filters": ["ids"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            # Its lines tell the whole path as it was typed; views.logged tells the route.
            "django.request": {"level": "ERROR"},
            # Two lines for every message, one message a second.
            "celery.app.trace": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            # It logs whole addresses, whose paths and queries hold data of cases.
            "httpx2": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }
