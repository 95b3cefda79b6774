"""How every page of a reviewer is entered: as whom, by which method, to which part of the queue."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.middleware import HtmxDetails

from orchestrator.models import Actor
from review.wanted import Wanted

View = Callable[..., HttpResponse]


class ReviewRequest(HttpRequest):
    """A request as these views see it, with what django_htmx found in its headers."""

    htmx: HtmxDetails


def actor_of(request: HttpRequest) -> Actor:
    return Actor.objects.for_user(cast("User", request.user))


def wanted_by(request: HttpRequest) -> Wanted:
    return Wanted.asked(request.GET.dict())


def deed(view: View) -> View:
    """A view that acts, so by POST only. A GET, as after a sign-in, leads to the task itself."""

    @wraps(view)
    def entered(request: HttpRequest, task_id: int, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return redirect(wanted_by(request).on(f"/review/tasks/{task_id}/"))
        return view(request, task_id, *args, **kwargs)

    return entered


def is_ahead(request: HttpRequest) -> bool:
    """Whether a browser loads this before anybody has clicked."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return "prefetch" in purpose or "prerender" in purpose


def is_foreign(request: HttpRequest) -> bool:
    """Whether another site sent the browser here; one that does not say is taken at its word."""
    return request.headers.get("Sec-Fetch-Site", "none") not in {"none", "same-origin"}
