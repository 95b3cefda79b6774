"""The time zone of a page: the one that this browser chose, else the server's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from orchestrator.views.language import is_for_programs

COOKIE: Final = "zone"


class ZoneMiddleware:
    """Programs read UTC always."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        zone = None if is_for_programs(request) else zone_of(request)
        with timezone.override(zone):
            return self.get_response(request)


def zone_of(request: HttpRequest) -> ZoneInfo | None:
    """None where nothing was chosen, or something that is no zone."""
    name = request.COOKIES.get(COOKIE, "")
    try:
        return ZoneInfo(name) if name else None
    # A made-up name may look like a folder, a path out of the list or an endless name.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
