"""A Grant as its holder has it: with those that it was delegated from, and within their limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

NOTHING: Final = Decimal(-(10**18))
"""A limit below every ``Seat.demand``."""


class Link(NamedTuple):
    """One Grant of a chain, the held one first, then what it was delegated from."""

    top: int
    effect: str
    action: str
    limits: Any
    workflow: int | None
    step_key: str
    holder: int | None
    stands_in_for: int | None
    may_delegate: bool
    valid: bool
    complete: bool

    def covers(self, workflow: int | None, step_key: str) -> bool:
        return self.workflow in (None, workflow) and self.step_key in ("", step_key)


@dataclass(frozen=True, slots=True)
class Held:
    """A Grant as its holder has it. ``links`` are the Grant itself and those above it."""

    links: tuple[Link, ...]

    @property
    def grant(self) -> int:
        return self.links[0].top

    @property
    def action(self) -> str:
        return self.links[0].action

    @property
    def stands_in_for(self) -> int | None:
        return self.links[0].stands_in_for

    @property
    def behind(self) -> frozenset[int]:
        """Ids of the actors whose exclusions come along."""
        delegated = {link.holder for link in self.links[1:]}
        replaced = {link.stands_in_for for link in self.links}
        return frozenset(actor for actor in delegated | replaced if actor is not None)

    @property
    def limit(self) -> Decimal | None:
        """The least limit of the chain; None where no link has one."""
        return least(limit_of(link.limits) for link in self.links)

    @property
    def places(self) -> frozenset[int]:
        """The workflows that its links name: none is everywhere, two are nowhere."""
        return frozenset(link.workflow for link in self.links if link.workflow is not None)

    def covers(self, workflow: int | None, step_key: str = "") -> bool:
        return all(link.covers(workflow, step_key) for link in self.links)

    def holds(self) -> bool:
        first, *above = self.links
        return all(link.valid and link.complete for link in self.links) and all(
            link.may_delegate and (link.effect, link.action) == ("allow", first.action)
            for link in above
        )


def least(limits: Iterable[Decimal | None]) -> Decimal | None:
    return min((limit for limit in limits if limit is not None), default=None)


def largest(limits: Iterable[Decimal | None]) -> Decimal | None:
    """None, without bound, when one of them is, or none is there."""
    found = list(limits)
    return None if None in found else max(found, default=None)  # type: ignore[type-var]


def limit_of(limits: Any) -> Decimal | None:
    """``{"max": 500}``; empty is no limit, and what cannot be read allows nothing."""
    if not limits:
        return None
    if not isinstance(limits, dict) or limits.keys() != {"max"}:
        return NOTHING
    try:
        limit = Decimal(str(limits["max"]))
    except InvalidOperation:
        return NOTHING
    return limit if limit.is_finite() else NOTHING
