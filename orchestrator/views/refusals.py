"""A refusal of the core as a page: what was refused, why, and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import select_template

from orchestrator.exceptions import Refusal
from orchestrator.templatetags.sending import most_told
from orchestrator.views.requests import came_from


class RefusalMiddleware:
    """Turns a Refusal that a view raises into a page of its status; the API has its own form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refusal) or request.path.startswith("/api/"):
            return None
        return refused(request, error)


FALLBACK: Final = "409.html"


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page for a refusal. HTMX swaps it in for the whole body, whatever was asked for."""
    template = select_template([f"{refusal.status}.html", FALLBACK])
    context = {
        "exception": refusal.message,
        "problems": refusal.details.get("problems", []),
        "back_url": came_from(request) if request.method == "POST" else "",
    }
    response = HttpResponse(template.render(context, request), status=refusal.status)
    if request.headers.get("HX-Request"):
        response["HX-Retarget"], response["HX-Reswap"] = "body", "innerHTML"
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return render(request, "413.html", {"most": most_told()}, status=413)
    return render(request, "400.html", status=400)
