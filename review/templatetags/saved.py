"""``{% load saved %}{% saved_filters "queue" %}``: the filters that somebody keeps of a page."""

from __future__ import annotations

from typing import Any

from django import template
from django.db.models import Exists, OuterRef

from review.filters import address_of, known
from review.models import DefaultFilter, SavedFilter

register = template.Library()


@register.inclusion_tag("review/saved.html", takes_context=True)
def saved_filters(context: template.Context, page: str) -> dict[str, Any]:
    """One's own and those shared with one's groups, the one that is shown marked. One query."""
    request = context["request"]
    shown = known(page, request.GET.dict())
    chosen = DefaultFilter.objects.filter(filter=OuterRef("pk"), actor__user=request.user)
    kept = SavedFilter.objects.visible_to(request.user).filter(page=page).distinct()
    found = kept.annotate(opens=Exists(chosen)).order_by("name", "pk")
    rows = [
        {
            "name": row.name,
            "url": address_of(page, row.query),
            "here": row.query == shown,
            "is_default": row.opens,  # type: ignore[attr-defined]
            "is_shared": row.group_id is not None,
        }
        for row in found
    ]
    return {
        "request": request,
        "csrf_token": context.get("csrf_token"),
        "page": page,
        "saved": rows,
        "query": shown,
        "can_keep": bool(shown) and not any(row["here"] for row in rows),
    }
