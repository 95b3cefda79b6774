"""Requests of programs, which bring a key and no cookie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.urls import resolve

from orchestrator import logs
from orchestrator.views.logged import ids_of

PREFIX: Final = "/api/v1/"


class ApiMiddleware:
    """Spares the API what only pages need: sessions, CSRF tokens, sign-in, messages, HTMX.

    What stands before it in the settings holds for the API too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        match = request.resolver_match = resolve(request.path_info)
        logs.add(**ids_of(request))
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        return response
