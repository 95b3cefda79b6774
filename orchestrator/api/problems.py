"""Everything that goes wrong below ``/api/``, as RFC 9457 problem details."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from orchestrator.api.answers import dumps
from orchestrator.exceptions import Invalid, NotFound, QuotaUsed, Refusal, TooLarge
from orchestrator.pointers import child

logger = logging.getLogger(__name__)

MOST_PROBLEMS = 100
SECONDS_OVERLOADED = 5
SECONDS_QUOTA = 3600


def problem(type_: str, status: int, title: str, detail: str = "", **members: Any) -> HttpResponse:
    """A problem document. ``type_`` is the stable name; ``members`` are what else helps."""
    body = {
        **members,
        "type": f"/problems/{type_}",
        "title": title,
        "status": status,
        "detail": detail or title,
    }
    return HttpResponse(
        dumps(body),
        status=status,
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store"},
    )


def refused(refusal: Refusal) -> HttpResponse:
    title = type(refusal).sentence
    response = problem(refusal.type, refusal.status, title, refusal.message, **refusal.details)
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = "Bearer"
    if refusal.status == HTTPStatus.TOO_MANY_REQUESTS:
        is_quota = isinstance(refusal, QuotaUsed)
        response["Retry-After"] = str(SECONDS_QUOTA if is_quota else SECONDS_OVERLOADED)
    return response


def plain(status: int, detail: str = "") -> HttpResponse:
    """A problem that has no more to say than its HTTP status."""
    phrase = HTTPStatus(status).phrase
    return problem(phrase.lower().replace(" ", "-"), status, f"{phrase}.", detail)


def register(api: NinjaAPI) -> None:
    """Have ``api`` answer each exception with a problem."""
    api.add_exception_handler(Refusal, _on_refusal)
    api.add_exception_handler(ValidationError, _on_validation)
    api.add_exception_handler(HttpError, _on_http_error)
    api.add_exception_handler(Http404, _on_missing)
    api.add_exception_handler(RequestDataTooBig, _on_too_large)
    api.add_exception_handler(OperationalError, _on_database)
    api.add_exception_handler(Exception, _on_surprise)


def _on_refusal(request: HttpRequest, error: Any) -> HttpResponse:
    return refused(error)


def _on_validation(request: HttpRequest, error: Any) -> HttpResponse:
    problems = [_problem_of(one) for one in error.errors[:MOST_PROBLEMS]]
    return refused(Invalid(problems=problems))


def _problem_of(error: dict[str, Any]) -> dict[str, str]:
    """One finding of pydantic: its place as a JSON pointer, without what was sent."""
    source, *parts = error["loc"]
    path = ""
    for part in parts[1:] if source == "body" else parts:
        path = child(path, str(part))
    return {"path": path, "message": f"{error['msg']}."}


def _on_http_error(request: HttpRequest, error: Any) -> HttpResponse:
    """Ninja wraps what its parser raises."""
    cause = error.__cause__
    return refused(cause) if isinstance(cause, Refusal) else plain(error.status_code, str(error))


def _on_missing(request: HttpRequest, error: Any) -> HttpResponse:
    return refused(NotFound())


def _on_too_large(request: HttpRequest, error: Any) -> HttpResponse:
    return refused(TooLarge())


def _on_database(request: HttpRequest, error: Any) -> HttpResponse:
    """A lock or statement took too long, or the database went away: nothing was written."""
    logger.warning("%s %s: %s", request.method, request.path, error)
    response = plain(503, "The database did not answer in time; try again.")
    response["Retry-After"] = "1"
    return response


def _on_surprise(request: HttpRequest, error: Any) -> HttpResponse:
    logger.error("%s %s", request.method, request.path, exc_info=error)
    return plain(500, "Something went wrong here; it was logged.")
