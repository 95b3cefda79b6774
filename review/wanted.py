"""Which part of the queue a reviewer works on; it travels in the address of every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal, cast
from urllib.parse import urlencode

from django.utils.translation import gettext_noop

Order = Literal["due", "confidence", "created"]
NAMES: Final = ("workflow", "step", "order", "q", "age", "sure")

ORDERS: Final[Mapping[Order, str]] = {
    "due": gettext_noop("Due first"),
    "confidence": gettext_noop("Least sure first"),
    "created": gettext_noop("Oldest first"),
}

AGES: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": (gettext_noop("More than an hour"), timedelta(hours=1)),
    "4h": (gettext_noop("More than 4 hours"), timedelta(hours=4)),
    "1d": (gettext_noop("More than a day"), timedelta(days=1)),
    "3d": (gettext_noop("More than 3 days"), timedelta(days=3)),
}
"""How long a seat waits at least."""

SURE: Final[Mapping[str, tuple[str, tuple[float, float]]]] = {
    "unknown": (gettext_noop("Not given"), (-1, 0)),
    "low": (gettext_noop("Below 0.5"), (0, 0.5)),
    "middle": (gettext_noop("0.5 to 0.9"), (0.5, 0.9)),
    "high": (gettext_noop("0.9 and more"), (0.9, 2)),
}
"""Bands of confidence: from, and below; a blind seat is in none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A closed vocabulary of filters: whatever else an address says is left out."""

    workflow: str = ""
    step: str = ""
    order: Order = "due"
    q: str = ""
    age: str = ""
    sure: str = ""

    @classmethod
    def asked(cls, data: Mapping[str, str]) -> Wanted:
        # NUL is in no key, and no database takes it.
        said = {name: data.get(name, "").replace("\x00", "").strip() for name in NAMES}
        return cls(
            said["workflow"][:80],
            said["step"][:80],
            cast("Order", said["order"]) if said["order"] in ORDERS else "due",
            said["q"][:200],
            said["age"] if said["age"] in AGES else "",
            said["sure"] if said["sure"] in SURE else "",
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.workflow or self.step or self.is_narrow)

    @property
    def is_narrow(self) -> bool:
        """Whether less is wanted than a step of a workflow: then seats are chosen from the list."""
        return bool(self.q or self.age or self.sure)

    @property
    def chosen(self) -> dict[str, str]:
        """What differs from the whole queue in its usual order."""
        default = Wanted()
        named = {name: str(getattr(self, name)) for name in NAMES}
        return {key: value for key, value in named.items() if value != getattr(default, key)}

    @property
    def query(self) -> str:
        return urlencode(self.chosen)

    def on(self, url: str, **more: str | int) -> str:
        """``url`` with the filters, and with ``more``."""
        query = "&".join(filter(None, (self.query, urlencode(more))))
        return f"{url}?{query}" if query else url

    def ordered(self, order: Order) -> Wanted:
        return replace(self, order=order)
