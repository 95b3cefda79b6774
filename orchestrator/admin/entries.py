"""Entries of a step's lists, evidence and reasons: each with a form, in an order, one by one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.admin import meanwhile
from orchestrator.admin.fields import PointerField
from orchestrator.admin.parts import Table, crumbs, page_of
from orchestrator.definitions import format as file
from orchestrator.definitions.facts import CaseData
from orchestrator.models import Step

SHOWN_AS: Final = [(kind, kind) for kind in file.EVIDENCE["items"]["properties"]["as"]["enum"]]


class EntryForm(forms.Form):
    """One entry of the list in the column ``column``; ``heads`` name what its table shows."""

    column: ClassVar[str]
    title: ClassVar[Any]
    noun: ClassVar[Any]
    note: ClassVar[Any]
    heads: ClassVar[tuple[Any, ...]]

    def __init__(self, step: Step, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        self.step = step

    @property
    def entry(self) -> dict[str, Any]:
        """What was given, without what says nothing."""
        return {name: value for name, value in self.cleaned_data.items() if value}


class EvidenceForm(EntryForm):
    column = "evidence"
    title = gettext_lazy("Evidence")
    noun = gettext_lazy("piece of evidence")
    note = gettext_lazy("What reviewers look at first, in this order.")
    heads = (gettext_lazy("Shown"), gettext_lazy("As"), gettext_lazy("From"))

    label = forms.CharField(
        required=False,
        max_length=200,
        label=gettext_lazy("Label"),
        help_text=gettext_lazy("What stands above it. Example: Receipt."),
    )
    path = PointerField(
        label=gettext_lazy("Place in the case"),
        max_length=400,
        help_text=gettext_lazy("Where it is in the case file. Example: /message."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["as"] = forms.ChoiceField(
            choices=[("", _("as it is")), *SHOWN_AS],
            required=False,
            label=_("Shown as"),
            help_text=_("How it is drawn. Example: image for a scanned receipt."),
        )
        version = self.step.version
        self.case = CaseData(version, version.steps.all())
        self.fields["path"].widget.attrs |= {"list": "places", "autocomplete": "off"}

    @property
    def places(self) -> list[str]:
        """The places that the case file is known to have."""
        return sorted({pointer for pointer, _shape in self.case.leaves()})

    def clean_path(self) -> str:
        path = str(self.cleaned_data["path"])
        if self.case.at(path) is None:
            raise forms.ValidationError(_("The case has nothing at %(path)s.") % {"path": path})
        return path

    @staticmethod
    def cells(entry: Mapping[str, Any]) -> tuple[str, ...]:
        return entry.get("label") or entry["path"], entry.get("as", ""), entry["path"]


class ReasonForm(EntryForm):
    column = "reasons"
    title = gettext_lazy("Reasons")
    noun = gettext_lazy("reason")
    note = gettext_lazy("Why somebody corrects or rejects; the first nine have a number key.")
    heads = (gettext_lazy("Reason"), gettext_lazy("Code"))

    label = forms.CharField(
        max_length=200,
        label=gettext_lazy("Label"),
        help_text=gettext_lazy("What reviewers read. Example: Misread."),
    )
    code = forms.CharField(
        max_length=200,
        label=gettext_lazy("Code"),
        help_text=gettext_lazy("What feedback and insights count. Example: misread."),
    )

    @staticmethod
    def cells(entry: Mapping[str, Any]) -> tuple[str, ...]:
        return entry["label"], entry["code"]


LISTS: Final[Mapping[str, type[EvidenceForm | ReasonForm]]] = {
    form.column: form for form in (EvidenceForm, ReasonForm)
}


@dataclass(frozen=True, slots=True)
class EntryLine:
    """A row of the table; ``entry`` is what stood there when the page was made."""

    row: str
    cells: tuple[str, ...]
    url: str
    move: str
    entry: str


def tables_of(step: Step) -> list[Table]:
    return [_table(step, form) for form in LISTS.values()]


def _table(step: Step, form: type[EvidenceForm | ReasonForm]) -> Table:
    lines = []
    for place, entry in enumerate(getattr(step, form.column)):
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
    entries = getattr(step, column)
    if request.method == "POST":
        with transaction.atomic():
            meanwhile.locked(step.version)
            step.refresh_from_db(fields=[column])
            form = kind(step, request.POST)
            seen = _seen(request)
            if _saved(admin, request, form, seen):
                return HttpResponseRedirect(page_of(step, f"#{column}"))
    else:
        seen = entries[place] if place is not None and place < len(entries) else None
        if place is not None and seen is None:
            raise Http404
        form = kind(step, initial=seen or {})
    context = {
        **admin.admin_site.each_context(request),
        "title": _("New %(noun)s") % {"noun": kind.noun} if seen is None else kind.cells(seen)[0],
        "crumbs": crumbs(step.version, step),
        "form": form,
        "seen": "" if seen is None else json.dumps(seen),
        "back": page_of(step, f"#{column}"),
        "url": request.path,
    }
    return TemplateResponse(request, "admin/orchestrator/entry_form.html", context)


def _kind(column: str) -> type[EvidenceForm | ReasonForm]:
    if column not in LISTS:
        raise Http404
    return LISTS[column]


def _seen(request: HttpRequest) -> Any:
    try:
        return json.loads(request.POST.get("seen", "")) or None
    except ValueError:
        return None


def _saved(admin: Any, request: HttpRequest, form: Any, seen: Any) -> bool:
    """Whether the entry was taken away, written, or added; else the form says why not."""
    entries = list(getattr(form.step, form.column))
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
    name = "code" if form.column == "reasons" else "path"
    if name == "code" and any(entry[name] == form.entry[name] for entry in others):
        form.add_error(name, _("Another reason is called so already."))
        return False
    if form.entry in others:
        form.add_error(None, _("This stands there already."))
        return False
    return True


def _store(admin: Any, request: HttpRequest, form: Any, entries: list[Any]) -> None:
    step = form.step
    setattr(step, form.column, entries)
    step.save(update_fields=[form.column])
    meanwhile.counted(step.version)
    admin.log_change(request, step, _("Changed %(list)s.") % {"list": form.title})


def move_entry(
    admin: Any, request: HttpRequest, step: Step, column: str, place: int
) -> HttpResponse:
    """One place up or down, where the entry still stands at the place that was shown."""
    form = _kind(column)(step)
    if request.method != "POST" or not admin.has_change_permission(request, step):
        raise PermissionDenied
    with transaction.atomic():
        meanwhile.locked(step.version)
        step.refresh_from_db(fields=[column])
        entries = list(getattr(step, column))
        if place < len(entries) and json.dumps(entries[place]) == request.POST.get("entry"):
            target = place + (-1 if "up" in request.POST else 1)
            entries.insert(min(max(target, 0), len(entries) - 1), entries.pop(place))
            _store(admin, request, form, entries)
        else:
            messages.warning(request, _("The order changed meanwhile: look again, then move."))
    return HttpResponseRedirect(page_of(step, f"#{column}"))
