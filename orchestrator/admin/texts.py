"""A version as text; a draft can be written from one, and nobody's edit is lost in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import unified_diff
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator import definitions
from orchestrator.admin import meanwhile
from orchestrator.admin.findings import Finding
from orchestrator.admin.history import change_of
from orchestrator.admin.parts import crumbs, page_of
from orchestrator.definitions.changing import Line
from orchestrator.definitions.groups import require_groups, unknown_groups
from orchestrator.exceptions import Invalid
from orchestrator.models import WorkflowVersion


@dataclass(slots=True)
class Written:
    """What the page shows: the text, what it was when the page was made, and what is wrong."""

    text: str
    base: str
    error: str = ""
    problems: list[Finding] = field(default_factory=list)
    meanwhile: list[Line] = field(default_factory=list)
    asks_groups: bool = False
    draft: WorkflowVersion | None = None


def text_page(
    admin: Any, request: HttpRequest, version: WorkflowVersion, *, may_change: bool
) -> HttpResponse:
    """The text of a version; a post writes the draft from what was typed, or says why not."""
    if request.method == "POST":
        with transaction.atomic():
            draft = meanwhile.locked(version)
            page = _typed(request, draft)
            if page.draft:
                return _done(admin, request, page.draft)
    else:
        text = definitions.export_version(version)
        page = Written(text, text)
    context = {
        **admin.admin_site.each_context(request),
        "title": _("%(version)s as text") % {"version": version},
        "version": version,
        "crumbs": crumbs(version),
        "page": page,
        "may_change": may_change,
        "url": page_of(version),
    }
    return TemplateResponse(request, "admin/orchestrator/text.html", context)


def _typed(request: HttpRequest, draft: WorkflowVersion) -> Written:
    text, base = (request.POST.get(name, "").replace("\r\n", "\n") for name in ("text", "base"))
    now = definitions.export_version(draft)
    if base and base.strip() != now.strip():
        lines = unified_diff(base.splitlines(), now.splitlines(), lineterm="", n=2)
        return Written(text, now, meanwhile=[Line(row[:1], row[1:]) for row in list(lines)[2:]])
    page = Written(text, now)
    try:
        page.draft = _imported(text, draft, create_groups="create_groups" in request.POST)
    except Invalid as refusal:
        rows = refusal.details["problems"]
        page.error = refusal.message
        page.problems = [Finding(row["path"], "", "", row["message"]) for row in rows]
        page.asks_groups = any(row["path"] in _group_places(text) for row in rows)
    return page


def _imported(text: str, draft: WorkflowVersion, *, create_groups: bool) -> WorkflowVersion:
    """Raises Invalid for a text that cannot become this draft, and then changes nothing."""
    content = definitions.definition(text)
    names = {"other": content["workflow"], "here": draft.workflow.slug}
    if names["other"] != names["here"]:
        raise Invalid(_("This text is of %(other)r; here is %(here)r.") % names)
    if not create_groups:
        require_groups(content)
    return definitions.import_draft(text)


def _group_places(text: str) -> set[str]:
    try:
        return {problem.path for problem in unknown_groups(definitions.definition(text))}
    except Invalid:
        return set()


def _done(admin: Any, request: HttpRequest, draft: WorkflowVersion) -> HttpResponse:
    admin.log_change(request, draft, change_of(gettext_lazy("The text")))
    messages.success(request, _("%(draft)s says what the text says.") % {"draft": draft})
    return HttpResponseRedirect(page_of(draft))
