"""Everything below ``/api/``. Each app brings its routes as a router, by dotted path."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.operation import Operation
from ninja.parser import Parser

from orchestrator import strictjson
from orchestrator.api import documents, problems
from orchestrator.api.access import closed
from orchestrator.api.idempotency import once
from orchestrator.exceptions import NotFound

ROUTERS = (
    "orchestrator.api.cases.router",
    "orchestrator.api.attachments.router",
    "orchestrator.api.work.router",
    "review.api.router",
    "review.api_waiting.router",
)


class StrictParser(Parser):
    """Bodies as ``orchestrator.strictjson`` reads them."""

    def parse_body(self, request: HttpRequest) -> Any:
        return strictjson.loads(request.body)


class Api(NinjaAPI):
    """Operations are named as their functions are."""

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return str(operation.view_func.__name__)


api = Api(
    title="Rewire API",
    version="1",
    urls_namespace="api",
    parser=StrictParser(),
    docs_url=None,
    openapi_url=None,
)
api.add_decorator(once, mode="operation")
api.add_decorator(closed, mode="view")
problems.register(api)
for router in ROUTERS:
    api.add_router("v1", router)


def _open(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view for programs: no sign-in page, no CSRF token, a problem for a wrong method."""

    @csrf_exempt
    @login_not_required
    @wraps(view)
    def opened(request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        response = view(request, **arguments)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        refusal = problems.plain(405, f"Here only {response['Allow']} is possible.")
        refusal["Allow"] = response["Allow"]
        return refusal

    return opened


def _missing(request: HttpRequest, **arguments: Any) -> HttpResponse:
    return problems.refused(NotFound("There is no such address."))


def _routes() -> list[URLPattern]:
    patterns = [found for found in api.urls[0] if isinstance(found, URLPattern)]
    for pattern in patterns:
        pattern.callback = _open(pattern.callback)
    return patterns


app_name = "api"
urlpatterns = [
    path("docs", documents.page(api), name="docs"),
    path("openapi.json", documents.document(api), name="openapi"),
    *(route for route in _routes() if route.name != "api-root"),
    re_path(r"", _open(_missing)),
]
