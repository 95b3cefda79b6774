"""Which part of the queue a reviewer works on; it travels in the address of every page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, cast
from urllib.parse import urlencode

from django.utils.translation import gettext_noop

Order = Literal["due", "confidence", "created"]

ORDERS: Final[Mapping[Order, str]] = {
    "due": gettext_noop("Due first"),
    "confidence": gettext_noop("Least sure first"),
    "created": gettext_noop("Oldest first"),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A closed vocabulary of filters: whatever else an address says is left out."""

    workflow: str = ""
    step: str = ""
    order: Order = "due"

    @classmethod
    def asked(cls, data: Mapping[str, str]) -> Wanted:
        order = data.get("order", "")
        # NUL is in no key, and no database takes it.
        workflow, step = (data.get(name, "").replace("\x00", "") for name in ("workflow", "step"))
        return cls(
            workflow[:80],
            step[:80],
            cast("Order", order) if order in ORDERS else "due",
        )

    @property
    def is_filtered(self) -> bool:
        return bool(self.workflow or self.step)

    @property
    def query(self) -> str:
        default = Wanted()
        named = {name: getattr(self, name) for name in ("workflow", "step", "order")}
        return urlencode(
            {key: value for key, value in named.items() if value != getattr(default, key)}
        )

    def on(self, url: str, **more: str | int) -> str:
        """``url`` with the filters, and with ``more``."""
        query = "&".join(filter(None, (self.query, urlencode(more))))
        return f"{url}?{query}" if query else url

    def ordered(self, order: Order) -> Wanted:
        return replace(self, order=order)
