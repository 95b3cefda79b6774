"""What every connector shares: valid settings in, a clean Result out."""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

from orchestrator import pointers, schema, strictjson
from orchestrator.connectors import Call, PermanentError, Report, Result
from orchestrator.exceptions import Refusal

MAX_NAME = 200


class BaseConnector(ABC):
    """A connector that says what it does in ``perform`` and how to try it in ``probe``."""

    settings_schema: ClassVar[Mapping[str, Any]]
    incidental: ClassVar[frozenset[str]] = frozenset()
    """Names of settings that leave the answers as they are: prices, limits, what may be secret."""

    def __init__(self, settings: Mapping[str, Any], secret: str) -> None:
        self.settings = settings
        self.secret = secret

    @classmethod
    def identity(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """All settings but the incidental ones; addresses without their query."""
        told = {name: value for name, value in settings.items() if name not in cls.incidental}
        if isinstance(url := told.get("url"), str):
            told["url"] = url.partition("?")[0]
        return told

    @abstractmethod
    def perform(self, call: Call) -> Result:
        """Perform one try. Raises TransientError or PermanentError, nothing else."""

    @abstractmethod
    def probe(self) -> Report:
        """Try the outside system, changing nothing there. Settings are valid here."""

    def call(self, call: Call) -> Result:
        if problems := self.problems():
            raise PermanentError(f"The connection's settings are not valid. {' '.join(problems)}")
        started = time.monotonic()
        result = self.perform(call)
        elapsed = round((time.monotonic() - started) * 1000)
        return clean(result, elapsed)

    def check(self) -> Report:
        problems = self.problems()
        return Report(ok=False, findings=tuple(problems)) if problems else self.probe()

    def problems(self) -> list[str]:
        """What the settings' schema objects to, one sentence each."""
        found = schema.validate(self.settings_schema, self.settings)
        return [f"{problem.path or 'Settings'}: {problem.message}" for problem in found]


def clean(result: Result, elapsed_ms: int) -> Result:
    """The result as storable JSON, its confidences between 0 and 1 or absent."""
    return replace(
        result,
        output=plain(result.output),
        confidence=confidence(result.confidence),
        field_confidence=field_confidence(result.field_confidence),
        model=str(result.model or "")[:MAX_NAME],
        cost_micros=whole(result.cost_micros),
        tokens_in=whole(result.tokens_in),
        tokens_out=whole(result.tokens_out),
        latency_ms=elapsed_ms if (told := whole(result.latency_ms)) is None else told,
    )


def plain(value: Any) -> Any:
    """The JSON that a Python value stands for. Raises PermanentError when there is none."""
    try:
        return strictjson.loads(encode(value))
    except (Refusal, PermanentError) as error:
        raise PermanentError(f"The output is not JSON. {error}", may_have_happened=True) from error


def encode(value: Any) -> bytes:
    """A value as the bytes of its JSON. Raises PermanentError, also for NaN and infinity."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PermanentError(f"It cannot be written as JSON: {error}.") from error


def confidence(value: object) -> float | None:
    """A number from 0 to 1, or None: whatever else an agent says is unknown, never high."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return None
    number = float(value)
    return number if math.isfinite(number) and 0 <= number <= 1 else None


def whole(value: object) -> int | None:
    """A count of millionths or milliseconds, or None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value < 1 << 63 else None


def field_confidence(value: object) -> dict[str, float]:
    """Confidences by JSON pointer; a bare key names a field at the top."""
    if not isinstance(value, Mapping):
        return {}
    found = {
        name if name.startswith("/") else pointers.child("", name): confidence(number)
        for name, number in value.items()
        if isinstance(name, str)
    }
    return {pointer: number for pointer, number in found.items() if number is not None}
