"""Saved filters by page: keep, rename, share, remove; the one with which a page opens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_POST, require_safe

from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import Actor, Workflow
from orchestrator.pages import name_of
from review.filters import (
    ADDRESSES,
    address_of,
    groups_for,
    keep,
    known,
    make_default,
    rename,
    share,
)
from review.models import DefaultFilter, FilterPage, SavedFilter
from review.views.doors import actor_of
from review.wanted import AGES, ORDERS, SURE

NAMES: Final[Mapping[str, str]] = {
    "q": gettext_noop("Key, or words in the case"),
    "workflow": gettext_noop("Workflow"),
    "step": gettext_noop("Step"),
    "state": gettext_noop("State"),
    "age": gettext_noop("Waiting"),
    "sure": gettext_noop("Confidence"),
    "order": gettext_noop("Order"),
    "kind": gettext_noop("Cause"),
    "assigned": gettext_noop("Looked after by"),
    "due": gettext_noop("Due"),
}
"""What the fields of the pages' forms are called."""

PAGES: Final = {view: page for page, view in ADDRESSES.items()}
FOR_EVERYBODY: Final = frozenset({"default", "undefault"})


@require_safe
def filters(request: HttpRequest) -> HttpResponse:
    """All filters that this person sees of a page, and what can be done with them."""
    return _show(request, _page(request.GET.get("page", "")))


def _show(
    request: HttpRequest, page: FilterPage, problem: str = "", *, status: int = 200
) -> HttpResponse:
    actor = actor_of(request)
    kept = SavedFilter.objects.visible_to(_user(request)).filter(page=page).distinct()
    default = DefaultFilter.objects.filter(actor=actor, page=page)
    chosen = default.values_list("filter", flat=True).first()
    rows = kept.select_related("owner__user", "group").order_by("name", "pk")
    context = {
        "page": page,
        "problem": problem,
        "back_url": address_of(page, {}),
        "rows": [_row(row, actor, chosen) for row in rows],
    }
    return render(request, "review/filters.html", context, status=status)


def _row(kept: SavedFilter, actor: Actor, chosen: int | None) -> dict[str, Any]:
    own = kept.owner_id == actor.pk
    return {
        "id": kept.pk,
        "name": kept.name,
        "url": address_of(kept.page, kept.query),
        "query": in_words(kept.query),
        "own": own,
        "owner": name_of(kept.owner),
        "group": kept.group.name if kept.group else "",
        "groups": [group.name for group in groups_for(actor, kept.query)] if own else [],
        "is_default": kept.pk == chosen,
    }


def in_words(query: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a filter says, as the page's form has it: "Confidence", "Below 0.5". One query."""
    place = Workflow.objects.filter(slug=query.get("workflow", "")).first()
    labels: dict[tuple[str, str], str] = {
        **{("age", key): label for key, (label, _least) in AGES.items()},
        **{("sure", key): label for key, (label, _band) in SURE.items()},
        **{("order", key): label for key, label in ORDERS.items()},
    }
    said = {row: _(label) for row, label in labels.items()}
    if place:
        said["workflow", place.slug] = place.name
    return [
        (_(NAMES[name]) if name in NAMES else name, said.get((name, value), value))
        for name in (*NAMES, *sorted(query.keys() - NAMES.keys()))
        if (value := query.get(name))
    ]


@require_POST
def keep_filter(request: HttpRequest) -> HttpResponse:
    """Keep what the page shows under a name, and show it again."""
    page = _page(request.POST.get("page", ""))
    query = known(page, request.POST.dict())
    try:
        kept = keep(actor_of(request), page, request.POST.get("name", ""), query)
    except Invalid as refusal:
        return _show(request, page, refusal.message, status=refusal.status)
    messages.success(request, _("The filter “%s” is kept.") % kept.name)
    return redirect(address_of(page, query))


@require_POST
def change_filter(request: HttpRequest, pk: int, action: str) -> HttpResponse:
    """One of rename, share and remove, for its owner; default and undefault for who sees it."""
    actor = actor_of(request)
    kept = SavedFilter.objects.visible_to(_user(request)).filter(pk=pk).first()
    if kept is None or (kept.owner_id != actor.pk and action not in FOR_EVERYBODY):
        raise NotFound
    page = FilterPage(kept.page)
    try:
        _change(request, kept, actor, action)
    except Invalid as refusal:
        return _show(request, page, refusal.message, status=refusal.status)
    return redirect(f"{reverse('review:filters')}?page={page}")


def _change(request: HttpRequest, kept: SavedFilter, actor: Actor, action: str) -> None:
    match action:
        case "rename":
            rename(kept, request.POST.get("name", ""))
        case "share":
            share(kept, actor, request.POST.get("group", ""))
        case "remove":
            kept.delete()
            messages.success(request, _("The filter “%s” is removed.") % kept.name)
        case "default" | "undefault":
            make_default(kept, actor, wanted=action == "default")
        case _:
            raise NotFound


def _user(request: HttpRequest) -> User:
    return cast("User", request.user)


def _page(text: str) -> FilterPage:
    if text not in FilterPage.values:
        raise NotFound
    return FilterPage(text)


class DefaultFilterMiddleware:
    """A page that is opened without any filter leads to the one that somebody chose for it.

    ``?all=1`` is a filter that leaves nothing out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        match = request.resolver_match
        page = PAGES.get(match.view_name) if match else None
        if page is None or request.method != "GET" or request.GET:
            return None
        if not request.user.is_authenticated or "HX-Request" in request.headers:
            return None
        chosen = SavedFilter.objects.visible_to(request.user).filter(
            page=page, defaults__actor__user=request.user
        )
        kept = chosen.first()
        return redirect(address_of(page, kept.query)) if kept else None
