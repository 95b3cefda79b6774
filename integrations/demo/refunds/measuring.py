"""How good the refund reader is, on requests that it has never seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from integrations.demo.refunds import agent
from integrations.demo.refunds.generator import Request
from orchestrator.connectors import Result

FIELDS = ("kind", "orders", "amount", "currency", "reason", "policy", "instructed")


@dataclass(frozen=True, slots=True)
class Quality:
    """Shares from 0 to 1. ``sure`` means a confidence of at least .9."""

    requests: int
    fields_right: float
    all_right: float
    sure: float
    all_right_when_sure: float
    by_field: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.fields_right:.1%} of fields and {self.all_right:.1%} of requests right; "
            f"sure of {self.sure:.0%}, of those {self.all_right_when_sure:.1%} right"
        )


def measure(requests: Iterable[Request]) -> Quality:
    """Reads every request, about 10 ms each. ``requests`` must not be empty."""
    judged = [(agent.read(request.data), request.truth) for request in requests]
    marks = [{name: right(result, truth, name) for name in FIELDS} for result, truth in judged]
    perfect = [all(mark.values()) for mark in marks]
    sure = [(result.confidence or 0) >= 0.9 for result, _ in judged]
    surely = [ok for ok, certain in zip(perfect, sure, strict=True) if certain]
    by_field = {name: share([mark[name] for mark in marks]) for name in FIELDS}
    return Quality(
        requests=len(judged),
        fields_right=sum(by_field.values()) / len(FIELDS),
        all_right=share(perfect),
        sure=share(sure),
        all_right_when_sure=share(surely),
        by_field=by_field,
    )


def right(result: Result, truth: dict[str, Any], name: str) -> bool:
    """Whether one field is right; the order of the orders does not count."""
    if name == "orders":
        return by_order(result.output[name]) == by_order(truth[name])
    return bool(result.output[name] == truth[name])


def by_order(lines: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return sorted((line["order_id"], line["amount"]) for line in lines)


def share(marks: list[bool]) -> float:
    return sum(marks) / max(len(marks), 1)
