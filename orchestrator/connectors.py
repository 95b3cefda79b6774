"""The protocol between the engine and code that reaches outside systems.

A connector is code for one kind of outside system; a ``Connection`` row configures
it. The core never imports a connector: ``settings.REWIRE_CONNECTORS`` maps each kind
to a dotted path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string


@dataclass(frozen=True, slots=True)
class Picture:
    """An image that a case came with: PNG, JPEG, GIF or WebP by its first bytes."""

    media_type: str
    content: bytes


def no_pictures(_: Any) -> Picture | None:
    """What a call without a case has."""
    return None


@dataclass(frozen=True, slots=True)
class Call:
    """One try to have a step performed.

    ``input`` is what the step's input mapping made of the case file; ``step`` the
    step's own call settings (for ``http``: method, path); ``idempotency_key`` is the same
    for every try of one task; ``timeout`` is in seconds and covers the whole call.
    ``instructions`` are the step's. ``brief`` is what the performer is told besides its input, as
    what a reviewer sent it back with.
    ``picture`` gives the image of this case that a value refers to, as
    ``{"attachment": "sha256:…"}`` does; None for whatever else. It queries, so ask it in the
    thread that was called.
    """

    input: Any
    schema: Mapping[str, Any]
    step: Mapping[str, Any]
    idempotency_key: str
    timeout: float
    attempt: int = 1
    instructions: str = ""
    brief: Any = None
    picture: Callable[[Any], Picture | None] = no_pictures


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call has cost that came to nothing, as a Result says it."""

    cost_micros: int | None = None
    currency: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came back. ``confidence`` and ``field_confidence`` are 0 to 1 or absent.

    A confidence that is absent, NaN or out of range is *unknown*, never high.
    ``field_confidence`` maps JSON pointers into ``output`` to numbers. ``model`` is the
    name as the provider returned it; ``cost_micros`` is in millionths of ``currency``; the tokens
    are those of all samples together.
    """

    output: Any
    confidence: float | None = None
    field_confidence: Mapping[str, float] = field(default_factory=dict)
    model: str = ""
    cost_micros: int | None = None
    currency: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    latency_ms: int | None = None

    @property
    def spent(self) -> Spent:
        return Spent(self.cost_micros, self.currency, self.tokens_in, self.tokens_out)


@dataclass(frozen=True, slots=True)
class Report:
    """What the test button found: ``ok`` and one sentence per finding."""

    ok: bool
    findings: tuple[str, ...]


class CallError(Exception):
    """A call that gave no result. ``may_have_happened``: the other side may have acted.
    ``spent`` is what it has cost all the same.
    """

    transient: ClassVar[bool] = False

    def __init__(
        self, message: str, *, may_have_happened: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.may_have_happened = may_have_happened
        self.retry_after = retry_after
        self.spent = Spent()


class TransientError(CallError):
    """Worth another try: a time-out, a refused connection, 429 or 5xx."""

    transient = True


class PermanentError(CallError):
    """Another try would end the same way: a 4xx, an answer that cannot be read."""


class Connector(Protocol):
    """One kind of outside system. Built anew per call from a Connection's settings."""

    settings_schema: ClassVar[Mapping[str, Any]]
    """JSON Schema of ``Connection.settings``."""

    @classmethod
    def identity(cls, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """Those of the settings that make an answer what it is: another is another version.

        No secrets, prices and time limits; an address without its query.
        """

    def __init__(self, settings: Mapping[str, Any], secret: str) -> None: ...

    def call(self, call: Call) -> Result:
        """Perform one try. Raises TransientError or PermanentError, nothing else."""

    def check(self) -> Report:
        """Look whether the outside system can be reached, changing nothing there."""


class Verifier(Protocol):
    """What a connector of systems of record may do besides, for steps that verify first."""

    def verify(self, call: Call) -> Result | None:
        """What the system has of an earlier write under the call's key; None where nothing.

        Changes nothing there. ``call.step["verify"]`` says how to look. Raises TransientError
        where it cannot be asked now, and PermanentError where it cannot be told.
        """


@cache
def connector_class(kind: str) -> type[Connector]:
    """The connector of a kind. Raises ImproperlyConfigured or ImportError for a broken registry."""
    try:
        path = settings.REWIRE_CONNECTORS[kind]
    except KeyError as error:
        known = ", ".join(sorted(settings.REWIRE_CONNECTORS))
        raise ImproperlyConfigured(f"No connector of kind {kind!r}; known are {known}.") from error
    connector: type[Connector] = import_string(path)
    return connector


def identity(kind: str, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a connection's settings belongs to the version of an agent behind it."""
    return connector_class(kind).identity(settings)


def connector_kinds() -> list[str]:
    return sorted(settings.REWIRE_CONNECTORS)
