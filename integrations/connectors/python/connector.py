"""Calls a Python function of this installation, in the worker itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from django.conf import settings as installation
from django.utils.module_loading import import_string

from integrations.base import BaseConnector
from integrations.connectors.python.settings import SETTINGS_SCHEMA
from orchestrator.connectors import Call, CallError, PermanentError, Report, Result

MAX_MESSAGE = 500


class Python(BaseConnector):
    """``callable(input)`` gives JSON, whose confidence is unknown, or a ``Result``.

    One with a parameter ``brief`` gets the brief as well, None where there is none; one with a
    parameter ``picture`` what gives it the images of the case.

    It runs in the worker's process and cannot be stopped: only the worker's own time limit
    ends it, so a call's ``timeout`` has no effect here.
    """

    settings_schema = SETTINGS_SCHEMA

    def perform(self, call: Call) -> Result:
        function = self._function()
        try:
            offered = {"brief": call.brief, "picture": call.picture}
            more = {name: offered[name] for name in offered if _takes(function, name)}
            answer = function(call.input, **more)
        except CallError:
            raise
        # Foreign code may fail in any way; one that exits must not take the worker with it.
        except (Exception, SystemExit) as error:  # noqa: BLE001
            # A traceback shows the case's data, so the cause stays behind.
            raise PermanentError(_told(error), may_have_happened=True) from None
        return answer if isinstance(answer, Result) else Result(output=answer)

    def probe(self) -> Report:
        try:
            function = self._function()
        except PermanentError as error:
            return Report(ok=False, findings=(str(error),))
        if not _takes_one(function):
            return Report(ok=False, findings=(f"{self._path} does not take one argument.",))
        return Report(
            ok=True, findings=(f"The callable {self._path} is there; it was not called now.",)
        )

    @property
    def _path(self) -> str:
        return str(self.settings["callable"])

    def _function(self) -> Callable[[Any], Any]:
        """Raises PermanentError."""
        if not any(_is_in(self._path, place) for place in installation.REWIRE_PYTHON_CALLABLES):
            raise PermanentError(f"REWIRE_PYTHON_CALLABLES does not allow {self._path}.")
        try:
            function = import_string(self._path)
        except Exception as error:  # noqa: BLE001
            raise PermanentError(f"{self._path} cannot be imported. {_told(error)}.") from None
        if not callable(function):
            raise PermanentError(f"{self._path} is not a function.")
        return function  # type: ignore[no-any-return]


def _is_in(path: str, place: str) -> bool:
    """Whether a dotted path is in a place: ``shop.`` and ``shop`` hold shop.x, not shopping.x."""
    return path == place or path.startswith(f"{place.rstrip('.')}.")


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _takes_one(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(None)
    except (TypeError, ValueError):
        return False
    return True


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_MESSAGE]
