"""The OpenAPI document, and the same as a page of our own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI

from orchestrator.api.answers import dumps
from orchestrator.api.keys import SCOPES
from orchestrator.exceptions import Refusal

View = Callable[[HttpRequest], HttpResponse]

DESCRIPTION: Final = """\
Bodies are JSON in UTF-8 of at most 1 MiB: no NaN, no key twice, nothing beyond 64 bits.
Times are RFC 3339 in UTC, confidences 0 to 1, money is in millionths of its currency.
Lists have a cursor that leads to their next page."""

COMPONENTS: Final = {
    "securitySchemes": {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "rw_<prefix>_<secret>",
            "description": f"Keys have scopes: {', '.join(SCOPES)}.",
        }
    },
    "parameters": {
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "With the same key and body the first answer comes again, for at "
            "least a day, and nothing is done twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
    },
    "responses": {
        "Problem": {
            "description": "What went wrong, by RFC 9457.",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        }
    },
}

PROBLEM: Final = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "/problems/ and a stable name."},
        "title": {"type": "string", "description": "What the name means."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened this time."},
        "problems": {
            "type": "array",
            "description": "Each with its place, a JSON pointer.",
            "items": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
        "reasons": {
            "type": "array",
            "description": "Which rights are missing.",
            "items": {"type": "string"},
        },
    },
}


def openapi(api: NinjaAPI) -> dict[str, Any]:
    """The whole description, OpenAPI 3.1."""
    found = dict(api.get_openapi_schema(path_prefix="/api/"))
    found["info"] |= {"description": DESCRIPTION}
    found["servers"] = [{"url": settings.REWIRE_URL}]
    schemas = dict(sorted((found["components"]["schemas"] | {"Problem": PROBLEM}).items()))
    return found | {"components": COMPONENTS | {"schemas": schemas}}


def document(api: NinjaAPI) -> View:
    """The view of ``/api/openapi.json``."""

    @cache
    def body() -> bytes:
        return dumps(openapi(api))

    @require_safe
    @login_not_required
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(body(), content_type="application/json")

    return view


def page(api: NinjaAPI) -> View:
    """The view of ``/api/docs``."""

    @cache
    def context() -> dict[str, Any]:
        found = openapi(api)
        return {
            "lede": DESCRIPTION,
            "sections": sections(found),
            "refusals": refusals(),
            "address": settings.REWIRE_URL,
        }

    @require_safe
    @login_not_required
    def view(request: HttpRequest) -> HttpResponse:
        return render(request, "api/docs.html", context())

    return view


@require_safe
@login_not_required
def explain_problem(request: HttpRequest, name: str) -> HttpResponse:
    """Where the ``type`` of a problem leads: to its line on the page."""
    return redirect(f"{reverse('api:docs')}#problem-{name}")


def refusals() -> list[dict[str, Any]]:
    """The problems that have a name of their own, by status."""
    known = sorted(Refusal.__subclasses__(), key=lambda one: (one.status, one.type))
    return [{"type": one.type, "status": one.status, "sentence": _(one.sentence)} for one in known]


@dataclass(frozen=True, slots=True)
class Member:
    """One line of a table: a parameter, or a member of a body at its place."""

    name: str
    kind: str
    required: bool
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address, ready to be drawn."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    scope: str
    parameters: list[Member]
    body: list[Member]
    answers: dict[str, list[Member]]


def sections(found: dict[str, Any]) -> dict[str, list[Operation]]:
    """The operations by their tag, in the order of the document."""
    grouped: dict[str, list[Operation]] = {}
    for path, methods in found["paths"].items():
        for method, one in methods.items():
            drawn = _operation(found, path, method, one)
            grouped.setdefault(one["tags"][0], []).append(drawn)
    return grouped


def _operation(found: dict[str, Any], path: str, method: str, one: dict[str, Any]) -> Operation:
    parameters = [_resolved(found, parameter) for parameter in one["parameters"]]
    return Operation(
        id=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        description=" ".join(one.get("description", "").split()),
        scope=one["security"][0]["key"][0],
        parameters=[_parameter(parameter) for parameter in parameters],
        body=list(_members(found, _schema(one.get("requestBody", {})))),
        answers={
            str(status): list(_members(found, _schema(response)))
            for status, response in one["responses"].items()
            if status != "default"
        },
    )


def _parameter(one: dict[str, Any]) -> Member:
    schema = one["schema"]
    description = one.get("description") or schema.get("description", "")
    return Member(one["name"], _kind(schema), one["required"], description)


def _schema(holder: dict[str, Any]) -> dict[str, Any]:
    """The schema of a JSON body; of a stream's lines there is none."""
    content = holder.get("content", {}).get("application/json", {})
    schema: dict[str, Any] = content.get("schema", {})
    return schema


def _members(found: dict[str, Any], schema: dict[str, Any], place: str = "") -> Iterator[Member]:
    """The members of an object, and what is inside them, each with its place."""
    schema = _resolved(found, schema)
    required = schema.get("required", [])
    for name, one in schema.get("properties", {}).items():
        where = f"{place}.{name}" if place else name
        yield Member(where, _kind(_resolved(found, one)), name in required, _told(one))
        inner, is_list = _inside(found, one)
        yield from _members(found, inner, f"{where}[]" if is_list else where)


def _inside(found: dict[str, Any], schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The object that a member holds, or a list of such; an empty schema for neither."""
    schema = _resolved(found, schema)
    items = schema.get("items")
    return (items, True) if items else (schema, False)


def _resolved(found: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Without references, and without the null that may stand in its place."""
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        return schema | _resolved(found, choices[0])
    if "$ref" not in schema:
        return schema
    target: dict[str, Any] = found
    for part in schema["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return target


def _kind(schema: dict[str, Any]) -> str:
    """What a value may be, in a word or two."""
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    name = str(schema.get("format") or schema.get("type", "any"))
    is_open = {"type": "null"} in schema.get("anyOf", ())
    return f"{name} or null" if is_open else name


def _told(schema: dict[str, Any]) -> str:
    return str(schema.get("description", ""))
