"""The refund reader: a trained extractor with its own confidences.

It reads a request and answers with what the form of the workflow asks for. It was
trained on requests that share no seed with those it handles (``training.py``), and it
reads nothing but the input of its step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import prod
from time import perf_counter
from typing import Any

from integrations.demo.refunds import STORE, reading
from integrations.demo.refunds.reading import JSON, Request
from orchestrator.connectors import PermanentError, Result


def read(case: Mapping[str, Any]) -> Result:
    """Read one request. Raises PermanentError when it lacks what every request has."""
    started = perf_counter()
    try:
        request = Request.of(case)
    except (KeyError, TypeError, ValueError) as error:
        raise PermanentError(f"This is not a refund request: {error!r}.") from error
    answer = reader().answer(request)
    return answer.as_result(reader().name, started)


@cache
def reader() -> Reader:
    """The trained reader, loaded once per process."""
    return Reader(name=STORE.reader, **STORE.load())


@dataclass(frozen=True, slots=True)
class Pick:
    """One choice and the probability that the model gives it."""

    value: Any
    confidence: float


@dataclass(frozen=True, slots=True)
class Line:
    """One order that is to be refunded and the amount read for it."""

    order: JSON
    order_confidence: float
    amount: Pick


@dataclass(frozen=True, slots=True)
class Answer:
    """A reading: what was read, and how sure the models are of each part."""

    kind: Pick
    reason: Pick
    policy: Pick
    instructed: Pick
    lines: Sequence[Line]
    lines_confidence: float
    currency: str

    def output(self) -> dict[str, Any]:
        lines = [
            {"order_id": line.order["order_id"], "amount": line.amount.value} for line in self.lines
        ]
        return {
            "kind": self.kind.value,
            "orders": lines,
            "amount": round(sum((line.amount.value for line in self.lines), 0.0), 2),
            "currency": self.currency,
            "reason": self.reason.value,
            "policy": self.policy.value,
            "instructed": self.instructed.value,
        }

    def fields(self) -> dict[str, float]:
        """Confidence by JSON pointer into the output."""
        found = {
            "/kind": self.kind.confidence,
            "/amount": self.lines_confidence * prod(line.amount.confidence for line in self.lines),
            "/reason": self.reason.confidence,
            "/policy": self.policy.confidence,
            "/instructed": self.instructed.confidence,
        }
        for number, line in enumerate(self.lines):
            found[f"/orders/{number}/order_id"] = line.order_confidence
            found[f"/orders/{number}/amount"] = line.order_confidence * line.amount.confidence
        return {pointer: round(confidence, 4) for pointer, confidence in found.items()}

    def confidence(self) -> float:
        """That everything is right, as if the parts were independent. They are not quite."""
        fields = self.fields()
        joint = prod(fields[name] for name in ("/kind", "/amount", "/reason", "/instructed"))
        return round(joint, 4)

    def as_result(self, model: str, started: float) -> Result:
        return Result(
            output=self.output(),
            confidence=self.confidence(),
            field_confidence=self.fields(),
            model=model,
            latency_ms=round((perf_counter() - started) * 1000),
        )


@dataclass(frozen=True, slots=True)
class Reader:
    """Six trained models: three read the text, three judge candidates."""

    name: str
    kind: Any
    reason: Any
    instructed: Any
    order: Any
    amount: Any
    policy: Any

    def answer(self, request: Request) -> Answer:
        text = reading.text_features(request)
        kind, reason = best(self.kind, text), best(self.reason, text)
        lines, sure = self.lines(request) if kind.value == "refund" else ([], 1.0)
        return Answer(
            kind=kind,
            reason=Pick("none", kind.confidence) if kind.value == "question" else reason,
            policy=self.ruling(request, reason, lines, Pick("not_needed", kind.confidence)),
            instructed=best(self.instructed, text),
            lines=lines,
            lines_confidence=sure,
            currency=request.orders[0]["currency"],
        )

    def lines(self, request: Request) -> tuple[list[Line], float]:
        """The orders that are meant, and the probability that it is these and no others."""
        chances = positive(self.order, [reading.order_features(request, o) for o in request.orders])
        chosen = [chance > 0.5 for chance in chances]
        if not any(chosen):
            chosen[chances.index(max(chances))] = True
        pairs = [
            (order, chance)
            for order, chance, mine in zip(request.orders, chances, chosen, strict=True)
            if mine
        ]
        lines = [Line(o, chance, self.price(request, o, len(pairs))) for o, chance in pairs]
        sure = prod(c if mine else 1 - c for c, mine in zip(chances, chosen, strict=True))
        return lines, sure

    def price(self, request: Request, order: JSON, orders: int) -> Pick:
        """The likeliest amount for one order; the candidates share one probability."""
        candidates = reading.amounts(request, order)
        chances = positive(
            self.amount,
            [reading.amount_features(request, order, amount, orders) for amount in candidates],
        )
        likeliest = max(range(len(candidates)), key=chances.__getitem__)
        doubt = prod(1 - chance for n, chance in enumerate(chances) if n != likeliest)
        return Pick(candidates[likeliest], chances[likeliest] * doubt)

    def ruling(self, request: Request, reason: Pick, lines: Sequence[Line], none: Pick) -> Pick:
        """Takes the reason for certain, so it is surer than it should be."""
        if not lines:
            return none
        orders = [line.order for line in lines]
        return best(self.policy, reading.policy_features(request, reason.value, orders))


def best(model: Any, features: object) -> Pick:
    """The likeliest class of one sample."""
    chances = model.predict_proba([features])[0]
    place = int(chances.argmax())
    value = model.classes_[place]
    return Pick(value.item() if hasattr(value, "item") else value, float(chances[place]))


def positive(model: Any, samples: Sequence[object]) -> list[float]:
    """The probability of yes, one per sample."""
    return [float(chance) for chance in model.predict_proba(samples)[:, 1]]
