"""A step performed by a language model: asked in JSON, answering in the step's schema.

A model reads and writes nothing but its answer, so a try that failed has not happened and
may always be repeated.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from typing import Any, ClassVar

from integrations.agents import agreement
from integrations.agents.asking import CONFIDENCE, Question, Reply, question, trial
from integrations.base import BaseConnector, confidence
from integrations.connectors.http import Http
from integrations.connectors.http.connector import INCIDENTAL
from orchestrator import pointers, schema
from orchestrator.connectors import (
    Call,
    CallError,
    PermanentError,
    Report,
    Result,
    Spent,
    TransientError,
)
from orchestrator.pointers import MISSING

SAMPLES = 5
MOST_PROBLEMS = 3

# The whole, and pointer -> part; None is unknown.
Confidences = tuple[float | None, Mapping[str, float]]


class LanguageModel(BaseConnector):
    """Asks once, or several times where agreement is the confidence."""

    path: ClassVar[str]
    incidental = INCIDENTAL | {"price_in_micros", "price_out_micros", "currency"}

    @abstractmethod
    def body(self, asked: Question, sample: int) -> dict[str, Any]:
        """The request for one sample, counted from 0."""

    @abstractmethod
    def read(self, told: Any) -> Reply:
        """What the provider's JSON says. A problem with it is part of the reply."""

    def http_settings(self) -> dict[str, Any]:
        """Where requests go, as the http kind's settings say it."""
        given = {"url": self.address(), "headers": self.headers()}
        limit = {"timeout": self.settings["timeout"]} if "timeout" in self.settings else {}
        return given | limit

    def address(self) -> str:
        return str(self.settings["url"])

    def headers(self) -> dict[str, str]:
        return dict(self.settings.get("headers", {}))

    def perform(self, call: Call) -> Result:
        asked = question(call, self.settings)
        replies = self._replies(call, asked, self._samples())
        usable = [reply for reply in replies if reply.problem is None]
        spent = self._spent(replies)
        if not usable:
            raise _paid(next(reply.problem for reply in replies if reply.problem), spent)
        output = agreement.favourite([reply.output for reply in usable])
        chosen = next(reply for reply in usable if reply.output is output)
        whole, fields = self._confidences(asked, chosen, usable)
        return Result(
            output=output,
            confidence=whole,
            field_confidence=fields,
            # Samples of two models agree as neither of them does: together they are a third.
            model=" + ".join(sorted({reply.model for reply in usable} - {""})),
            **asdict(spent),
        )

    def probe(self) -> Report:
        """One tiny request, whatever the number of samples."""
        call, started = trial(), time.monotonic()
        asked = question(call, self.settings)
        try:
            (reply,) = self._replies(call, asked, 1)
        except CallError as error:
            return Report(ok=False, findings=(str(error),))
        elapsed = round((time.monotonic() - started) * 1000)
        if reply.problem:
            return Report(ok=False, findings=(f"0 of 1 valid. {reply.problem}",))
        is_sure, sentence = self._on_confidence(asked, reply)
        findings = ("1 of 1 valid.", sentence, f"{elapsed:,} ms.", self._on_model(reply.model))
        return Report(ok=is_sure, findings=tuple(filter(None, findings)))

    def _by(self) -> str:
        return str(self.settings.get("confidence_by", "none"))

    def _samples(self) -> int:
        return int(self.settings.get("samples", SAMPLES)) if self._by() == "agreement" else 1

    def _replies(self, call: Call, asked: Question, count: int) -> list[Reply]:
        """All at once, so that together they take no longer than the call may."""
        ask = partial(self._reply, call, asked)
        with ThreadPoolExecutor(max_workers=count) as pool:
            return list(pool.map(ask, range(count)))

    def _reply(self, call: Call, asked: Question, sample: int) -> Reply:
        reply = self.read(self._answer(call, self.body(asked, sample), sample))
        if reply.problem:
            return reply
        output = asked.envelope.output(reply.answer)
        return replace(reply, output=output, problem=_misfit(call.schema, output))

    def _answer(self, call: Call, body: dict[str, Any], sample: int) -> Any:
        """The provider's JSON. Raises TransientError, PermanentError: nothing has happened."""
        http = Http(self.http_settings(), self.secret)
        # A key of its own, or a provider would give the first sample again.
        key = f"{call.idempotency_key}:{sample}" if sample else call.idempotency_key
        step = {"method": "POST", "path": self.path}
        try:
            asked = replace(call, input=body, step=step, idempotency_key=key, brief=None)
            return http.perform(asked).output
        except CallError as error:
            kind = TransientError if error.transient else PermanentError
            raise kind(str(error), retry_after=error.retry_after) from error

    def _confidences(self, asked: Question, chosen: Reply, usable: Sequence[Reply]) -> Confidences:
        match self._by():
            case "tokens":
                return _spelled(chosen.spelled or {}, asked.envelope.pointer)
            case "field":
                return self._told(chosen.answer)
            case "agreement":
                outputs = [reply.output for reply in usable]
                found = agreement.confidences(chosen.output, outputs, self._samples())
                return found.pop(""), found
        return None, {}

    def _told(self, answer: Any) -> Confidences:
        whole = pointers.lookup(answer, self.settings.get("confidence", CONFIDENCE))
        fields = self.settings.get("field_confidence")
        found = pointers.lookup(answer, fields) if fields else MISSING
        return confidence(whole), found if isinstance(found, dict) else {}

    def _spent(self, replies: Sequence[Reply]) -> Spent:
        """On all samples, those of no use too."""
        tokens_in = _sum(reply.tokens_in for reply in replies)
        tokens_out = _sum(reply.tokens_out for reply in replies)
        cost = self._cost(tokens_in, tokens_out)
        return Spent(cost, self.settings.get("currency", ""), tokens_in, tokens_out)

    def _cost(self, tokens_in: int | None, tokens_out: int | None) -> int | None:
        """Millionths; None when it cannot be known."""
        if "currency" not in self.settings or "price_in_micros" not in self.settings:
            return None
        if tokens_in is None or tokens_out is None:
            return None
        total = tokens_in * float(self.settings["price_in_micros"])
        total += tokens_out * float(self.settings["price_out_micros"])
        return round(total / 1000)

    def _on_confidence(self, asked: Question, reply: Reply) -> tuple[bool, str]:
        """Whether the answer has the confidence that the settings promise, and a sentence."""
        name = {"tokens": "Log-probabilities", "field": "Confidence"}.get(self._by())
        if name is None:
            return True, ""
        whole, _ = self._confidences(asked, reply, [reply])
        if confidence(whole) is not None:
            return True, f"{name} present."
        return False, f"{name} absent or of no use: every confidence would be unknown."

    def _on_model(self, name: str) -> str:
        asked = self.settings["model"]
        if not name:
            return f"Model {asked}, which the answer does not name."
        return f"Model {name}." if name == asked else f"Model {name}; asked was {asked}."


def _paid(problem: CallError, spent: Spent) -> CallError:
    problem.spent = spent
    return problem


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum; None where one is not known."""
    known = list(counts)
    return None if None in known else sum(filter(None, known))


def _misfit(wanted: Mapping[str, Any], output: Any) -> CallError | None:
    """What keeps an output from fitting the step's schema. Another try may fit."""
    if output is MISSING:
        return TransientError("The answer has no output in it.")
    found = schema.validate(wanted, output)[:MOST_PROBLEMS]
    if not found:
        return None
    said = " ".join(f"{problem.path or '/'}: {problem.message}" for problem in found)
    return TransientError(f"The answer does not fit the step's schema. {said}")


def _spelled(found: Mapping[str, float], pointer: str) -> Confidences:
    """Confidences by pointer into the answer as those of the output at ``pointer``."""
    inner = {
        place.removeprefix(pointer): number
        for place, number in found.items()
        if place == pointer or place.startswith(f"{pointer}/")
    }
    return inner.pop("", None), inner
