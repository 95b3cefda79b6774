"""What a page says when a form cannot be sent."""

from __future__ import annotations

from typing import Final

from django import template
from django.conf import settings

from orchestrator.spelling import number

register = template.Library()

MEBIBYTE: Final = 1 << 20


@register.inclusion_tag("components/trouble.html")
def trouble() -> dict[str, object]:
    """The words for ``static/js/sending.js``, and from which size on it sends nothing."""
    return {"bytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE, "most": most_told()}


def most_told() -> str:
    """``1 MiB``: how much a form may bring."""
    return f"{number(settings.DATA_UPLOAD_MAX_MEMORY_SIZE / MEBIBYTE)} MiB"
