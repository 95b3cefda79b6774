"""A signal that a person brings by hand, where what should have sent it did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from orchestrator import authority, definitions, engine, schema
from orchestrator.definitions.facts import CaseData
from orchestrator.exceptions import CaseClosed, Invalid, SignalConflict
from orchestrator.models import Actor, Case, CaseState, TaskState
from orchestrator.pointers import split
from orchestrator.sight import Sight
from orchestrator.views.requests import actor_of, text

ARRANGE: Final = {"add": schema.add_row, "remove": schema.remove_row, "drop": schema.drop}
PARTS: Final = {"fields": "orchestrator/signal_fields.html"}
BY_HAND: Final = "by hand: "


@dataclass(frozen=True, slots=True)
class Asked:
    """Which signal of which case; ``shape`` is the JSON Schema of its data, None for anything."""

    case: Case
    names: list[str]
    name: str
    shape: dict[str, Any] | None


@dataclass(slots=True)
class Typed:
    """What was posted: the data as fields or as text, and what is wrong with it."""

    posted: dict[str, str] | None = None
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    status: int = 200


def names_for(shown: Case, actor: Actor, sight: Sight) -> list[str]:
    """The signals that this person may bring to the case now."""
    if sight.is_blind or shown.state != CaseState.OPEN:
        return []
    names = _known(shown)
    return names if names and authority.may(actor, "start", shown).allowed else []


@require_http_methods(["GET", "HEAD", "POST"])
def bring(request: HttpRequest, pk: int) -> HttpResponse:
    """The form of one signal, ``?name=``; a POST brings it under the id that the form carries."""
    actor = actor_of(request)
    shown = authority.access_case(actor, pk)
    authority.require(actor, "start", shown)
    asked = _asked(request, shown)
    if request.method != "POST":
        return _show(request, asked, Typed())
    typed, data = _read(request, asked.shape)
    if ARRANGE.keys() & request.POST.keys() or typed.status != 200:
        return _show(request, asked, typed)
    try:
        found = engine.signal(
            pk, actor=actor, name=asked.name, message_id=request.POST.get("id", ""), data=data
        )
    except (Invalid, CaseClosed, SignalConflict) as refusal:
        return _show(request, asked, _refused(typed, refusal))
    kept = _("The signal %s is kept until a step waits for it.")
    taken = _("The signal %s is taken.")
    messages.success(request, (kept if found.status == "kept" else taken) % asked.name)
    return redirect("case", pk)


def _asked(request: HttpRequest, shown: Case) -> Asked:
    names = _known(shown)
    name = request.POST.get("name", "") or text(request, "name") or next(iter(names), "")
    return Asked(shown, names, name, shape_of(shown, name))


def _known(shown: Case) -> list[str]:
    definition = engine.definition_of(shown.version_id)
    return engine.signals_of(definition.version.signals, definition.steps.values())


def shape_of(shown: Case, name: str) -> dict[str, Any] | None:
    """The JSON Schema of a signal's data, as far as it is known; None where it may be anything.

    That of the step that waits for it, else what news of this name write into the case file.
    """
    definition = engine.definition_of(shown.version_id)
    waiting = [step for step in definition.steps.values() if step.flow.get("signal") == name]
    if len(waiting) > 1:
        open_now = shown.tasks.filter(state=TaskState.WAITING).values_list("step_key", flat=True)
        waiting = [step for step in waiting if step.key in set(open_now)] or waiting
    if waiting:
        found = dict(waiting[0].schema)
        return found if found.get("properties") else None
    writes = definition.version.signals.get(name)
    return _news(CaseData(definition.version, definition.steps.values()), writes or {})


def _news(case: CaseData, writes: Mapping[str, str]) -> dict[str, Any] | None:
    properties = {}
    for target, source in writes.items():
        parts, shape = split(source), case.at(target)
        if len(parts) != 1 or shape is None or "$ref" in str(shape.schema):
            return None
        properties[parts[0]] = dict(shape.schema)
    return {"type": "object", "properties": properties} if properties else None


def _read(request: HttpRequest, shape: Mapping[str, Any] | None) -> tuple[Typed, Any]:
    posted = {name: str(value) for name, value in request.POST.items()}
    if shape is None:
        return _read_text(posted.get("data", ""))
    for button, act in ARRANGE.items():
        if button in posted:
            return Typed(posted=act(posted, posted.pop(button))), None
    data, errors = schema.parse(shape, posted)
    return Typed(posted=posted, errors=errors, status=422 if errors else 200), data


def _read_text(typed: str) -> tuple[Typed, Any]:
    try:
        found = definitions.value(typed) if typed.strip() else {}
    except Invalid as error:
        return Typed(text=typed, problems=[error.message], status=422), None
    return Typed(text=typed), found


def _refused(typed: Typed, refusal: Invalid | CaseClosed | SignalConflict) -> Typed:
    """Each problem at its field, the others above the form."""
    typed.status = refusal.status
    rows = refusal.details.get("problems") or [{"path": "", "message": refusal.message}]
    for row in rows:
        path, message = row["path"], row["message"]
        if typed.posted is not None and path.startswith("/data/"):
            typed.errors[path.removeprefix("/data")] = message
        else:
            typed.problems.append(f"{path}: {message}" if path else message)
    return typed


def _show(request: HttpRequest, asked: Asked, typed: Typed) -> HttpResponse:
    part = str(getattr(getattr(request, "htmx", None), "target", ""))
    template = PARTS.get(part, "orchestrator/signal.html")
    context = {
        "case": asked.case,
        "names": asked.names,
        "name": asked.name,
        "shape": asked.shape,
        "typed": typed,
        "id": request.POST.get("id") or f"{BY_HAND}{uuid4()}",
        "url": request.path,
    }
    return render(request, template, context, status=typed.status)
