"""The exports page: which settled decisions, in which format, and how a program gets them."""

from __future__ import annotations

import shlex
from typing import Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Word, Workflow
from review.feedback import (
    FILTERS,
    FORMATS,
    Export,
    Query,
    count,
    deciders,
    exportable,
    format_of,
)
from review.views.doors import actor_of

COUNTED: Final = 10_000
MOST_REVIEWERS: Final = 500


@require_safe
def exports(request: HttpRequest) -> HttpResponse:
    """The form, with how many rows match what it says."""
    actor = actor_of(request)
    workflows = exportable(actor)
    values = request.GET.dict()
    if workflows:
        values.setdefault("workflow", workflows[0].slug)
    return _page(request, actor, workflows, values)


@require_safe
@never_cache
def download(request: HttpRequest) -> HttpResponseBase:
    """The rows as a file, sent while they are read; the form again where it is not valid."""
    actor = actor_of(request)
    values = request.GET.dict()
    try:
        query = Query.parse(values, actor)
        export = Export(values.get("format", next(iter(FORMATS))), query)
    except Refusal as refusal:
        return _page(request, actor, exportable(actor), values, refusal)
    headers = {"Content-Disposition": f'attachment; filename="{_file_name(export)}"'}
    kind = format_of(export.format).content_type
    return StreamingHttpResponse(iter(export), content_type=kind, headers=headers)


def _file_name(export: Export) -> str:
    """Of a slug, a day and a format only: nothing in it needs quoting."""
    workflow = dict(export.query.asked or {}).get("workflow", "all")
    return f"{workflow}-feedback-{timezone.now():%Y-%m-%d}.{export.format}"


def _page(
    request: HttpRequest,
    actor: Actor,
    workflows: list[Workflow],
    values: dict[str, str],
    refusal: Refusal | None = None,
) -> HttpResponse:
    matching = None
    if workflows and refusal is None:
        try:
            matching = count(Query.parse(values, actor), most=COUNTED + 1)
        except Refusal as found:
            refusal = found
    shown = (*FILTERS, "format") if refusal is None else ("workflow",)
    given = {name: values[name] for name in shown if values.get(name)}
    context = {
        "workflows": workflows,
        "reviewers": _reviewers(workflows),
        "words": Word.values,
        "formats": FORMATS.values(),
        "values": values,
        "problems": _sentences(refusal),
        "matching": matching,
        "matching_text": f"{COUNTED:,}+" if (matching or 0) > COUNTED else f"{matching or 0:,}",
        "exports_url": reverse("review:exports"),
        "download_url": reverse("review:download"),
        "command": _command(given),
        "api_line": _api_line(given),
    }
    status = 200 if refusal is None else refusal.status
    return render(request, "review/exports.html", context, status=status)


def _sentences(refusal: Refusal | None) -> list[str]:
    if refusal is None:
        return []
    problems = refusal.details.get("problems") or []
    named = [f"{one['path'].strip('/').capitalize()}: {one['message']}" for one in problems]
    return named or [refusal.message]


def _reviewers(workflows: list[Workflow]) -> list[dict[str, str]]:
    """The people who have decided in these workflows."""
    people = deciders([workflow.pk for workflow in workflows]).filter(user__isnull=False)
    names = people.order_by("user__username").values_list(
        "user__username", "user__first_name", "user__last_name"
    )
    return [
        {"username": username, "name": f"{first} {last}".strip() or username}
        for username, first, last in names[:MOST_REVIEWERS]
    ]


def _command(given: dict[str, str]) -> str:
    options = [part for name, value in given.items() for part in (f"--{name}", value)]
    file = f"{given.get('workflow', 'all')}.{given.get('format', next(iter(FORMATS)))}"
    return shlex.join(["manage.py", "export_feedback", *options, "--out", file])


def _api_line(given: dict[str, str]) -> str:
    url = f"{settings.REWIRE_URL}/api/v1/feedback?{urlencode(given)}"
    return f'curl -H "Authorization: Bearer $REWIRE_KEY" "{url}"'
