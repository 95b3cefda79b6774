"""``{% load processing %}{% silence %}``: a notice where no worker reports, else nothing."""

from __future__ import annotations

from django import template

from orchestrator import lifesigns

register = template.Library()

SENTENCES = {
    lifesigns.TIMERS: "Nothing is being processed: no worker has reported",
    lifesigns.WORKER: "No machine step is being performed: no worker for them has reported",
}


@register.inclusion_tag("components/silence.html")
def silence() -> dict[str, object]:
    """Queries once."""
    signs = lifesigns.signs()
    silent = signs.silent()
    return {"silent": SENTENCES.get(silent), "since": how_long(signs.seconds.get(silent))}


def how_long(seconds: float | None) -> str:
    if seconds is None:
        return "yet"
    minutes = round(seconds / 60)
    return f"for {round(seconds)} s" if seconds < 100 else f"for {minutes:,} min"
