"""One log line for each request, and the id that joins everything logged on its way."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from django.http import HttpRequest, HttpResponse

from orchestrator import logs

logger = logging.getLogger(__name__)

HEADER: Final = "X-Request-ID"
FORM: Final = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
NAMED: Final = ("case", "task", "decision", "incident")
QUIET: Final = frozenset({"healthz", "readyz", "metrics"})


class LogMiddleware:
    """Takes the request id of whoever calls, if it is well formed, or makes one; answers it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get(HEADER, "")
        request_id = given if FORM.fullmatch(given) else uuid4().hex
        started = time.monotonic()
        with logs.about(request=request_id):
            response = self.get_response(request)
            _log(request, response, time.monotonic() - started)
        response[HEADER] = request_id
        return response

    def process_view(self, request: HttpRequest, *_: object) -> None:
        logs.add(**ids_of(request))


def ids_of(request: HttpRequest) -> dict[str, int]:
    """Ids of rows in the request's address."""
    match = request.resolver_match
    if match is None:
        return {}
    # In cases/<int:pk>/ the route says of what it is the id.
    singular = match.route.partition("/")[0].removesuffix("s")
    names = {name: singular if name == "pk" else name.removesuffix("_id") for name in match.kwargs}
    return {names[key]: value for key, value in match.kwargs.items() if names[key] in NAMED}


def _log(request: HttpRequest, response: HttpResponse, seconds: float) -> None:
    """The route, not the path: whatever somebody types may stand in a path."""
    match = request.resolver_match
    route = f"/{match.route}" if match else "(no route)"
    facts = {"status": response.status_code, "ms": round(seconds * 1000, 1)} | _who(request)
    level = logging.DEBUG if match and match.url_name in QUIET else logging.INFO
    logger.log(level, "%s %s", request.method, route, extra={"facts": facts})


def _who(request: HttpRequest) -> dict[str, Any]:
    """The ids of who asked, where a view has found it out: never a name."""
    user, key = getattr(request, "_cached_user", None), getattr(request, "auth", None)
    told = {"user": getattr(user, "pk", None), "actor": getattr(key, "actor_id", None)}
    return {name: value for name, value in told.items() if value is not None}
