"""What each operation declares: the scope it asks for, and what every write takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from orchestrator.api.keys import Scope
from orchestrator.api.problems import refused
from orchestrator.exceptions import Invalid
from orchestrator.pointers import child

_PROBLEM: Final = {"default": {"$ref": "#/components/responses/Problem"}}
_ONCE: Final = {"$ref": "#/components/parameters/IdempotencyKey"}


def reads(scope: str) -> dict[str, Any]:
    """Arguments of an operation that changes nothing."""
    extra = {"security": [{"key": [scope]}], "responses": _PROBLEM}
    return {"auth": Scope(scope), "by_alias": True, "openapi_extra": extra}


def writes(scope: str) -> dict[str, Any]:
    """Arguments of an operation that changes something; ``once`` makes it repeatable."""
    declared = reads(scope)
    declared["openapi_extra"]["parameters"] = [_ONCE]
    return declared


def closed(run: Any) -> Callable[..., HttpResponseBase]:
    """An operation that refuses parameters it does not know, and text that is no text."""
    known = {
        name
        for model in run.__self__.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }

    @wraps(run)
    def checked(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        if request.META.get("QUERY_STRING") and (problems := _problems(request, known)):
            return refused(Invalid(problems=problems))
        response: HttpResponse = run(request, **arguments)
        return response

    return checked


def _problems(request: HttpRequest, known: set[str]) -> list[dict[str, str]]:
    unknown = [
        {"path": child("", f"{name:.60}"), "message": f"There is no parameter {name!a:.60}."}
        for name in request.GET
        if name not in known
    ]
    broken = [
        {"path": f"/{name}", "message": "The character NUL cannot be part of a text."}
        for name, value in request.GET.items()
        if name in known and "\x00" in value
    ]
    return unknown + broken
