"""Entries of a step's lists: each with a page, in an order, one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator.admin import meanwhile
from orchestrator.admin.history import change_of
from orchestrator.admin.lists import JUDGING, LISTS, EntryForm
from orchestrator.admin.parts import Table, button_of, crumbs, page_of
from orchestrator.admin.posting import BUTTONS, rearranged
from orchestrator.models import Step, StepKind

PARTS: Final = {"fields": "admin/orchestrator/row_fields.html"}


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A row of the table; ``entry`` is what stood there when the page was made."""

    row: str
    cells: tuple[str, ...]
    url: str
    move: str
    entry: str


def tables_of(step: Step) -> list[Table]:
    """What reviewers see, give as reasons and wait for; of a decision table its rows."""
    wanted = ("rows",) if step.kind == StepKind.DECISION else JUDGING
    return [_table(step, LISTS[column]) for column in wanted]


def _table(step: Step, form: type[EntryForm]) -> Table:
    lines = []
    for place, entry in enumerate(form.of(step)):
        cells = form.cells(entry)
        url, move = (_url(page, step, form.column, place) for page in ("entry", "entry_move"))
        lines.append(EntryLine(cells[0], cells, url, move, json.dumps(entry)))
    add = _url("entry_add", step, form.column)
    heads = tuple(map(str, form.heads))
    return Table(str(form.title), form.column, heads, tuple(lines), add, str(form.note))


def _url(page: str, step: Step, *args: object) -> str:
    return reverse(f"admin:orchestrator_step_{page}", args=[step.pk, *args])


def entry_page(
    admin: Any, request: HttpRequest, step: Step, column: str, place: int | None
) -> HttpResponse:
    """The form of an entry, or of a new one where ``place`` is None."""
    kind = _kind(column)
    if not admin.has_change_permission(request, step):
        raise PermissionDenied
    entries = kind.of(step)
    if request.method == "POST":
        with transaction.atomic():
            meanwhile.locked(step.version)
            step.refresh_from_db(fields=[kind.field])
            seen = _seen(request)
            form = kind(step, request.POST, initial=kind.initial_of(seen or {}))
            if _arranged(request):
                form.posted = rearranged(request)
            elif _saved(admin, request, form, seen):
                return HttpResponseRedirect(page_of(step, f"#{column}"))
    else:
        seen = entries[place] if place is not None and place < len(entries) else None
        if place is not None and seen is None:
            raise Http404
        form = kind(step, initial=kind.initial_of(seen or {}))
    context = {
        **admin.admin_site.each_context(request),
        "title": _("New %(noun)s") % {"noun": kind.noun} if seen is None else kind.cells(seen)[0],
        "crumbs": crumbs(step.version, step),
        "form": form,
        "seen": "" if seen is None else json.dumps(seen),
        "back": page_of(step, f"#{column}"),
        "url": request.path,
    }
    part = str(getattr(getattr(request, "htmx", None), "target", ""))
    return TemplateResponse(request, PARTS.get(part, "admin/orchestrator/entry_form.html"), context)


def _kind(column: str) -> type[EntryForm]:
    if column not in LISTS:
        raise Http404
    return LISTS[column]


def _arranged(request: HttpRequest) -> bool:
    """Whether a button of the form only adds or takes away a row of a list in it."""
    return bool(BUTTONS.keys() & request.POST.keys())


def _seen(request: HttpRequest) -> Any:
    try:
        return json.loads(request.POST.get("seen", "")) or None
    except ValueError:
        return None


def _saved(admin: Any, request: HttpRequest, form: Any, seen: Any) -> bool:
    """Whether the entry was taken away, written, or added; else the form says why not."""
    entries = form.of(form.step)
    if seen is not None and seen not in entries:
        form.full_clean()
        form.add_error(None, _("Somebody changed or removed this meanwhile: nothing was saved."))
        return False
    others = [entry for entry in entries if entry != seen]
    if "delete" in request.POST and seen is not None:
        _store(admin, request, form, others)
        return True
    if not form.is_valid() or not _is_new(form, others):
        return False
    entry = form.entry
    _store(
        admin,
        request,
        form,
        [*entries, entry] if seen is None else [entry if e == seen else e for e in entries],
    )
    return True


def _is_new(form: Any, others: list[Any]) -> bool:
    name = form.unique
    if name and any(entry[name] == form.entry[name] for entry in others):
        form.add_error(name, _("Another reason is called so already."))
        return False
    if form.entry in others:
        form.add_error(None, _("This stands there already."))
        return False
    return True


def _store(admin: Any, request: HttpRequest, form: Any, entries: list[Any]) -> None:
    step = form.step
    form.put(step, entries)
    step.save(update_fields=[form.field])
    meanwhile.counted(step.version)
    admin.log_change(request, step, change_of(form.title))


def move_entry(
    admin: Any, request: HttpRequest, step: Step, column: str, place: int
) -> HttpResponse:
    """One place up or down, where the entry still stands at the place that was shown."""
    by = -1 if "up" in request.POST else 1
    form = _kind(column)(step)
    if request.method != "POST" or not admin.has_change_permission(request, step):
        raise PermissionDenied
    with transaction.atomic():
        meanwhile.locked(step.version)
        step.refresh_from_db(fields=[form.field])
        entries = form.of(step)
        if place < len(entries) and json.dumps(entries[place]) == request.POST.get("entry"):
            target = min(max(place + by, 0), len(entries) - 1)
            entries.insert(target, entries.pop(place))
            _store(admin, request, form, entries)
            anchor = button_of(column, target + 1, by, len(entries))
        else:
            anchor = f"#{column}"
            messages.warning(request, _("The order changed meanwhile: look again, then move."))
    return HttpResponseRedirect(page_of(step, anchor))
