"""The page that edits the schema of a step beside the form that reviewers will see."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from difflib import unified_diff
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator import conditions, definitions, schema
from orchestrator.admin import meanwhile
from orchestrator.admin.base import actor_of
from orchestrator.admin.drawing import TYPES, Drawn, Said, changed, drawn, rows_of
from orchestrator.admin.parts import crumbs, page_of
from orchestrator.admin.posting import rearranged
from orchestrator.admin.replaying import routings_of
from orchestrator.admin.samples import example_of
from orchestrator.definitions import Facts
from orchestrator.definitions.changing import Line
from orchestrator.definitions.facts import CaseData
from orchestrator.models import Step

TEMPLATE: Final = "admin/orchestrator/schema.html"
# Part of the page -> its template.
PARTS: Final = {
    "fields": "admin/orchestrator/schema_fields.html",
    "said": f"{TEMPLATE}#said",
}


def schema_url(step: Step) -> str:
    return reverse("admin:orchestrator_step_schema", args=[step.pk])


def schema_page(admin: Any, request: HttpRequest, step: Step, *, may_change: bool) -> HttpResponse:
    """The editor; a post previews, edits one field, or saves. Only ``act=save`` writes."""
    text = definitions.written(step.schema) if step.schema else ""
    if request.method != "POST":
        return _page(admin, request, step, drawn(text), base=text, may_change=may_change)
    act, typed = request.POST.get("act", ""), _lines_of(request.POST.get("schema", ""))
    page = drawn(typed)
    base = _lines_of(request.POST.get("base", text))
    if act and not may_change:
        raise PermissionDenied
    if act == "save" and page.schema is not None:
        if base.strip() != text.strip():
            lines = unified_diff(base.splitlines(), text.splitlines(), lineterm="", n=2)
            told = [Line(row[:1], row[1:]) for row in list(lines)[2:]]
            return _page(
                admin, request, step, page, base=text, may_change=may_change, meanwhile=told
            )
        return _save(admin, request, step, page.schema)
    if act and page.schema is not None:
        page = _acted(request, page, act)
    return _page(admin, request, step, page, base=base, may_change=may_change)


def _lines_of(text: str) -> str:
    return text.replace("\r\n", "\n")


def _acted(request: HttpRequest, page: Drawn, act: str) -> Drawn:
    """The text after a button of the field editor, or with what that needs."""
    assert page.schema is not None  # noqa: S101 (looked at before)
    try:
        return drawn(definitions.written(changed(page.schema, act, request.POST.dict())))
    except ValidationError as error:
        return replace(page, said=[Said(None, "", message) for message in error.messages])


def _save(admin: Any, request: HttpRequest, step: Step, definition: dict[str, Any]) -> HttpResponse:
    step.schema = definition
    step.save(update_fields=["schema"])
    meanwhile.counted(step.version)
    admin.log_change(request, step, _("Changed the schema."))
    messages.success(request, _("The schema of %(step)s is saved.") % {"step": step})
    for warning in gone(step, definition):
        messages.warning(request, warning)
    return HttpResponseRedirect(page_of(step))


def _page(
    admin: Any,
    request: HttpRequest,
    step: Step,
    page: Drawn,
    **more: Any,
) -> HttpResponse:
    shown = step.schema if page.schema is None else page.schema
    pressed = {"add", "remove", "drop"} & request.POST.keys()
    context = {
        "step": step,
        "page": page,
        "shown": shown,
        "value": example_of(shown, _newest_output(request, step)),
        "posted": rearranged(request) if pressed else None,
        "errors": {},
        "rows": [] if schema.check_schema(shown) else rows_of(shown),
        "types": [(name, words) for name, (_schema, words) in TYPES.items()],
        "gone": list(gone(step, shown)),
        "url": request.path,
        "new": _typed_field(request, page),
        **more,
    }
    part = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    if part in PARTS:
        return TemplateResponse(request, PARTS[part], context)
    context |= {
        **admin.admin_site.each_context(request),
        "title": _("What %(step)s gives") % {"step": step},
        "crumbs": crumbs(step.version, step),
        "back": page_of(step),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _typed_field(request: HttpRequest, page: Drawn) -> dict[str, str]:
    """What stands in the editor of a new field; empty again once it was added."""
    if request.POST.get("act") == "add" and not page.said:
        return {}
    names = ("key", "title", "type", "choices", "required")
    return {name: request.POST.get(f"new_{name}", "") for name in names}


def _newest_output(request: HttpRequest, step: Step) -> Any:
    """The newest output that the user may see, None without one."""
    rows = routings_of(step, actor_of(request), 1)
    return rows[0].attempt.output if rows and rows[0].attempt else None


def gone(step: Step, definition: dict[str, Any]) -> Iterator[str]:
    """What rules and transitions of the step look at that would not be there any more."""
    changed_step = copy(step)
    changed_step.schema = definition
    steps = [changed_step if row.pk == step.pk else row for row in step.version.steps.all()]
    case = CaseData(step.version, steps)
    for facts, parts in (
        (Facts(changed_step, case), step.rights.order_by("position")),
        (Facts(changed_step, case, leaving=True), step.transitions.select_related("target")),
    ):
        for part in parts:
            for problem in conditions.validate(part.condition, facts):
                yield f"{part}: {problem.message}"


def locked_page(admin: Any, request: HttpRequest, step: Step, *, may_change: bool) -> HttpResponse:
    """The page, a save after the edits before it."""
    if request.method != "POST" or not may_change:
        return schema_page(admin, request, step, may_change=may_change)
    with transaction.atomic():
        meanwhile.locked(step.version)
        step.refresh_from_db(fields=["schema"])
        return schema_page(admin, request, step, may_change=may_change)
