"""``{% load processing %}{% silence %}``: a notice where no worker reports, else nothing."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import lifesigns
from orchestrator.spelling import number

register = template.Library()

SENTENCES = {
    lifesigns.TIMERS: gettext_noop("Nothing is being processed: no worker has reported"),
    lifesigns.WORKER: gettext_noop(
        "No machine step is being performed: no worker for them has reported"
    ),
}


@register.inclusion_tag("components/silence.html")
def silence() -> dict[str, object]:
    """Queries once."""
    signs = lifesigns.signs()
    silent = signs.silent()
    return {"silent": silent and _(SENTENCES[silent]), "since": how_long(signs.seconds.get(silent))}


def how_long(seconds: float | None) -> str:
    if seconds is None:
        return _("yet")
    if seconds < 100:
        return _("for %s s") % round(seconds)
    return _("for %s min") % number(seconds / 60)
