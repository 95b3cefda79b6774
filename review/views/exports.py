"""The exports page: which settled decisions, in which format, and how a program gets them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orchestrator import engine
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Word, Workflow
from orchestrator.spelling import at_least, number
from review.feedback import (
    FILTERS,
    FORMATS,
    Format,
    Outgoing,
    Query,
    count,
    deciders,
    exportable,
    format_of,
    given_once,
    history,
    note,
    sent,
)
from review.models import Export
from review.progress import followed, progress_of
from review.views.doors import ReviewRequest, actor_of

COUNTED: Final = 10_000
DEFAULT: Final = next(iter(FORMATS))
PREVIEWED: Final = 5
CUTS: Final = frozenset({"since", "limit"})
"""Filters that the form has no field for: they come with an address and stay."""
MOST_CHARACTERS: Final = 1_500
MOST_REVIEWERS: Final = 500
PATIENT: Final = 15
"""How often a page asks for a download of which nothing is known, a second apart."""


@require_safe
def exports(request: ReviewRequest) -> HttpResponse:
    """The form, how many rows match what it says, the first of them, and what others took."""
    actor = actor_of(request)
    workflows = exportable(actor)
    values = request.GET.dict()
    values.pop("ticket", None)
    if workflows:
        values.setdefault("workflow", workflows[0].slug)
    return _page(request, actor, workflows, values)


@require_safe
@never_cache
def download(request: ReviewRequest) -> HttpResponseBase:
    """The rows as a file, sent while they are read; the form again where it is not valid."""
    actor = actor_of(request)
    values = request.GET.dict()
    try:
        ticket = values.pop("ticket", "")
        given_once(request.GET)
        query, last = Query.parse(values, actor), engine.verdict_watermark()
        outgoing = Outgoing(values.get("format") or DEFAULT, query, upto=last)
    except Refusal as refusal:
        return _page(request, actor, exportable(actor), values, refusal)
    return StreamingHttpResponse(
        followed(sent(_noted(outgoing, actor), outgoing.format), outgoing, actor, ticket),
        content_type=format_of(outgoing.format).content_type,
        headers={"Content-Disposition": f'attachment; filename="{_file_name(outgoing)}"'},
    )


def _noted(outgoing: Outgoing, actor: Actor) -> Iterator[bytes]:
    """A download that breaks off is no export."""
    yield from outgoing
    note(outgoing, actor=actor)


@require_safe
@never_cache
def progress(request: ReviewRequest) -> HttpResponse:
    """How far the download of a page is, asked again and again until it is over, or until there
    is nothing to wait for."""
    ticket = request.GET.get("ticket", "")
    found = progress_of(actor_of(request), ticket)
    missed = 0 if found else 1 + min(PATIENT, _whole(request.GET.get("missed", "")))
    context = {"ticket": ticket, "progress": found, "missed": missed, "is_gone": missed > PATIENT}
    return render(request, "review/exports.html#progress", context)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 4 else 0


def _file_name(outgoing: Outgoing) -> str:
    """Of slugs and a day only: nothing in it needs quoting."""
    workflow = dict(outgoing.query.asked or {}).get("workflow", "")
    stem, _, suffix = format_of(outgoing.format).file_name(workflow).rpartition(".")
    return f"{stem}-{timezone.now():%Y-%m-%d}.{suffix}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a query finds among its first ``COUNTED`` rows; ``lines`` are the first ones as text.

    ``rows`` match, ``fitting`` of them are in the format. ``configs`` are the labeling configs
    that the first ones need, each with whose it is.
    """

    format: Format
    rows: int
    fitting: int
    lines: list[str]
    configs: dict[str, str]

    @property
    def more(self) -> bool:
        return self.rows > COUNTED

    @property
    def rows_text(self) -> str:
        return at_least(COUNTED if self.more else self.rows, more=self.more)


def _found(query: Query, format: Format) -> Found:  # noqa: A002
    counted = count(query, most=COUNTED + 1, kind=format.kind)
    few = replace(query, limit=PREVIEWED)
    # What is no text is shown as the lines that have the same rows.
    shown = Outgoing(format.key if format.is_text else DEFAULT, few, upto=counted.last)
    text = b"".join(shown).decode() if counted.fitting else ""
    tasks = json.loads(text or "[]") if format.suffix == "json" else []
    lines = list(_listed(text) if tasks else _lines(text, is_sheet=format.suffix == "csv"))
    fitting = min(counted.fitting, COUNTED)
    return Found(format, counted.matching, fitting, [*map(_bounded, lines)], _configs(tasks))


def _listed(text: str) -> Iterator[str]:
    """One for each item of a list, which stands on a line of its own."""
    return (line.removesuffix(",") for line in text.split("\n")[1:-2])


def _configs(tasks: list[dict[str, Any]]) -> dict[str, str]:
    """The labeling configs of tasks for Label Studio, by step and version."""
    named = ((_("%(step)s, version %(version)s") % task["data"], task) for task in tasks)
    return {name: task["meta"]["config"] for name, task in named}


def _lines(text: str, *, is_sheet: bool) -> Iterator[str]:
    """One for each row: in a sheet a cell may have line breaks between its quotes."""
    row: list[str] = []
    is_open = False
    for line in text.removesuffix("\n").split("\n") if text else ():
        row.append(line)
        is_open ^= is_sheet and line.count('"') % 2 == 1
        if not is_open:
            yield "\n".join(row).removesuffix("\r")
            row.clear()


def _bounded(line: str) -> str:
    """No longer than a person looks at."""
    return line if len(line) <= MOST_CHARACTERS else f"{line[:MOST_CHARACTERS]} …"


def _page(
    request: ReviewRequest,
    actor: Actor,
    workflows: list[Workflow],
    values: dict[str, str],
    refusal: Refusal | None = None,
) -> HttpResponse:
    found = None
    if workflows and refusal is None:
        try:
            query = Query.parse(values, actor)
            found = _found(query, format_of(values.get("format") or DEFAULT))
        except Refusal as wrong:
            refusal = wrong
    shown = (*FILTERS, "format") if refusal is None else ("workflow",)
    given = {name: values[name] for name in shown if values.get(name)}
    context = {
        "workflows": workflows,
        "reviewers": _reviewers(workflows),
        "words": Word.values,
        "formats": FORMATS.values(),
        "values": values,
        "problems": _sentences(refusal),
        "found": found,
        "looked_at": number(COUNTED),
        "exports": [(export, _since(export)) for export in history(workflows)],
        "everything": urlencode({k: v for k, v in given.items() if k not in CUTS}),
        "exports_url": reverse("review:exports"),
        "download_url": reverse("review:download"),
        "command": _command(given),
        "api_line": _api_line(given),
    }
    status = 200 if refusal is None else refusal.status
    part = "#found" if request.htmx else ""
    return render(request, f"review/exports.html{part}", context, status=status)


def _since(export: Export) -> str:
    """The query of what came after an export, asked for as it was; the page has no form for what
    was taken from all workflows at once."""
    if "workflow" not in export.filter:
        return ""
    return urlencode(export.filter | {"format": export.format, "since": export.cursor})


def _sentences(refusal: Refusal | None) -> list[str]:
    if refusal is None:
        return []
    problems = refusal.details.get("problems") or []
    return [_named(**one) for one in problems] or [refusal.message]


def _named(path: str, message: str) -> str:
    """A problem with the name that the form has for the filter."""
    name = path.strip("/")
    names = {
        "workflow": _("Workflow"),
        "from": _("From"),
        "until": _("Until and including"),
        "decision": _("Decision"),
        "reviewer": _("Reviewer"),
        "format": _("Format"),
    }
    return f"{names.get(name, name.capitalize())}: {message}"


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
    file = FORMATS[given.get("format", DEFAULT)].file_name(given.get("workflow", ""))
    return shlex.join(["manage.py", "export_feedback", *options, "--out", file])


def _api_line(given: dict[str, str]) -> str:
    url = f"{settings.REWIRE_URL}/api/v1/feedback?{urlencode(given)}"
    return f'curl -H "Authorization: Bearer $REWIRE_KEY" "{url}"'
