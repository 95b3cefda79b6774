"""What the record holds in English, told in the language of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.formats import get_format
from django.utils.translation import get_language, gettext

from orchestrator import conditions, routing, sayings
from orchestrator.models import Routing
from orchestrator.tongue import ENGLISH, Tongue


def tongue() -> Tongue:
    """That of the page: English where nothing else was asked for."""
    if (get_language() or "en").startswith("en"):
        return ENGLISH
    return Tongue(gettext, str(get_format("DECIMAL_SEPARATOR")))


def told(condition: Any, labels: Mapping[str, str] | None = None) -> str:
    """A condition in words."""
    return conditions.sentence(condition, labels, tongue())


def trace_told(trace: Mapping[str, Any]) -> str:
    """What a stored trace found."""
    return conditions.retold(trace, tongue())


def reason_of(row: Routing) -> str:
    """Why an output went where it went; the engine's own reasons are texts of the catalogue."""
    if row.reason == routing.reason(row.why):
        return routing.reason(row.why, tongue())
    return gettext(row.reason) if row.reason else ""


def message_told(text: str, reason: Callable[[str], str] | None = None) -> str:
    """What a stored error, incident or refusal says; ``reason`` tells one that it quotes."""
    if not text or tongue() is ENGLISH:
        return text
    return sayings.retold(text, gettext, reason=reason) if sayings.find(text) else gettext(text)


def reason_at(task_id: int) -> Callable[[str], str]:
    """Tells a stored reason of this task from its trace. The answer queries once."""

    def told(reason: str) -> str:
        rows = Routing.objects.filter(task=task_id, reason=reason).order_by("-pk")
        row = rows.only("reason", "why").first()
        return reason_of(row) if row else reason

    return told
