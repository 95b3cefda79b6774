"""The page that edits a schema beside what comes of it: a form, or the case file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from difflib import unified_diff
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy

from orchestrator import definitions, schema
from orchestrator.admin import meanwhile
from orchestrator.admin.base import actor_of
from orchestrator.admin.drawing import TYPES, Drawn, Said, changed, drawn, rows_of
from orchestrator.admin.history import change_of
from orchestrator.admin.losing import lost
from orchestrator.admin.posting import rearranged
from orchestrator.admin.samples import example_of
from orchestrator.admin.subjects import Newest, Subject
from orchestrator.definitions.changing import Line

TEMPLATE: Final = "admin/orchestrator/schema.html"
# Part of the page -> its template.
PARTS: Final = {
    "fields": "admin/orchestrator/schema_fields.html",
    "said": f"{TEMPLATE}#said",
}


def schema_page(
    admin: Any, request: HttpRequest, subject: Subject, *, may_change: bool
) -> HttpResponse:
    """The editor; a post previews, edits one field, or saves, after the edits before it."""
    if request.method != "POST" or not may_change:
        return _answer(admin, request, subject, may_change=may_change)
    with transaction.atomic():
        meanwhile.locked(subject.version)
        subject.row.refresh_from_db(fields=[subject.column])
        return _answer(admin, request, subject, may_change=may_change)


def _answer(
    admin: Any, request: HttpRequest, subject: Subject, *, may_change: bool
) -> HttpResponse:
    """Only ``act=save`` writes."""
    text = definitions.written(subject.definition) if subject.definition else ""
    if request.method != "POST":
        return _page(admin, request, subject, drawn(text), base=text, may_change=may_change)
    act, typed = request.POST.get("act", ""), _lines_of(request.POST.get("schema", ""))
    page = drawn(typed)
    base = _lines_of(request.POST.get("base", text))
    if act and not may_change:
        raise PermissionDenied
    if act == "save" and page.schema is not None:
        if base.strip() != text.strip():
            told = _told(base, text)
            return _page(
                admin, request, subject, page, base=text, may_change=may_change, meanwhile=told
            )
        return _save(admin, request, subject, page.schema)
    if act and page.schema is not None:
        page = _acted(request, page, act)
    return _page(admin, request, subject, page, base=base, may_change=may_change)


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n")


def _told(base: str, text: str) -> list[Line]:
    """What somebody else changed in a text meanwhile."""
    lines = list(unified_diff(base.splitlines(), text.splitlines(), lineterm="", n=2))
    return [Line(row[:1], row[1:]) for row in lines[2:]]


def _acted(request: HttpRequest, page: Drawn, act: str) -> Drawn:
    """The text after a button of the field editor, or with what that needs."""
    assert page.schema is not None  # noqa: S101 (looked at before)
    try:
        return drawn(definitions.written(changed(page.schema, act, request.POST.dict())))
    except ValidationError as error:
        return replace(page, said=[Said(None, "", message) for message in error.messages])


def _save(
    admin: Any, request: HttpRequest, subject: Subject, definition: dict[str, Any]
) -> HttpResponse:
    warnings = lost(subject, definition)
    subject.store(definition)
    meanwhile.counted(subject.version)
    admin.log_change(request, subject.row, change_of(gettext_lazy("The schema")))
    messages.success(request, subject.saved)
    for warning in warnings:
        messages.warning(request, warning)
    return HttpResponseRedirect(subject.back_url)


def _page(
    admin: Any, request: HttpRequest, subject: Subject, page: Drawn, **more: Any
) -> HttpResponse:
    shown = subject.definition if page.schema is None else page.schema
    usable = not schema.check_schema(shown)
    newest = subject.newest(actor_of(request))
    value = example_of(shown, newest.value)
    pressed = {"add", "remove", "drop"} & request.POST.keys()
    context = {
        "subject": subject,
        "page": page,
        "shown": shown,
        "value": value,
        "request_text": json.dumps({"key": "A-1001", "data": value}, indent=2, ensure_ascii=False),
        "newest": newest,
        "posted": rearranged(request) if pressed else None,
        "errors": {},
        "rows": rows_of(shown) if usable else [],
        "types": [(name, words) for name, (_schema, words) in TYPES.items()],
        "warnings": [*lost(subject, shown), *_refused(subject, shown, newest)] if usable else [],
        "url": request.path,
        "new": _typed_field(request, page),
        "focus": request.POST.get("act", ""),
        **more,
    }
    part = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    if part in PARTS:
        return TemplateResponse(request, PARTS[part], context)
    context |= {
        **admin.admin_site.each_context(request),
        "title": subject.title,
        "crumbs": subject.crumbs,
    }
    return TemplateResponse(request, TEMPLATE, context)


def _typed_field(request: HttpRequest, page: Drawn) -> dict[str, str]:
    """What stands in the editor of a new field; empty again once it was added."""
    if request.POST.get("act") == "add" and not page.said:
        return {}
    names = ("key", "title", "type", "choices", "required")
    return {name: request.POST.get(f"new_{name}", "") for name in names}


def _refused(subject: Subject, definition: dict[str, Any], newest: Newest) -> Iterator[str]:
    """What would come of the newest value, were it to come again."""
    if not newest.name or not definition:
        return
    for problem in schema.validate(definition, newest.value)[:1]:
        said = f"{problem.path} {problem.message}".strip()
        yield subject.refused % {"key": newest.name, "said": said}
