"""What the page is about, and the links from its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString, mark_safe

from orchestrator import spelling
from orchestrator.insights import Period, Slice
from orchestrator.models import Actor, Debut, Workflow

NONE: Final = mark_safe('<span class="num">0</span>')


@dataclass(frozen=True)
class Frame:
    """A workflow, one of its versions or agents or all of it, and a period up to now.

    ``debut`` is the first answer of the agent.
    """

    workflow: Workflow
    version: int | None
    period: Period
    now: datetime
    debut: Debut | None = None

    @property
    def agent(self) -> Actor | None:
        return self.debut.actor if self.debut else None

    @property
    def part(self) -> str:
        """Whose counters are read."""
        return f"@{self.agent.pk}" if self.agent else str(self.version or "*")

    @cached_property
    def _list(self) -> str:
        query = {"workflow": self.workflow.slug}
        if self.version is not None:
            query["version"] = str(self.version)
        if self.agent is not None:
            query["agent"] = str(self.agent.pk)
        return f"{reverse('cases')}?{urlencode(query)}"

    @cached_property
    def _since(self) -> str:
        since = self.period.since(self.now)
        return f"&since={stamp(since)}" if since else ""

    def number(
        self, count: int, what: str, part: Slice | None = None, more: str = ""
    ) -> SafeString:
        """So many as a link to their cases, of one slice or of the whole period.

        ``more`` is further query, from ``&`` on.
        """
        if not count:
            return NONE
        when = f"&since={stamp(part.start)}&until={stamp(part.end)}" if part else self._since
        return number(count, f"{self._list}&what={what}{when}{more}")


def number(count: int, url: str) -> SafeString:
    """A count with a link to what is counted; nothing is behind a zero."""
    if not count:
        return NONE
    return format_html('<a class="num" href="{}">{}</a>', url, spelling.number(count))


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%MZ}"
