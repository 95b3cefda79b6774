"""The page that tries the rules of a step on a real output or a typed one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator import engine, schema
from orchestrator.admin.base import actor_of
from orchestrator.admin.parts import crumbs, page_of
from orchestrator.admin.posting import rearranged
from orchestrator.admin.replaying import INVALID, Replay, replay, routings_of, turns
from orchestrator.admin.samples import SCORE, Sample, made_up, of_routing, scored, typed
from orchestrator.admin.tester import Asked, Outcome, asked, rights_of, tried
from orchestrator.definitions import facts_of
from orchestrator.models import Actor, DecisionRight, Routing, Step, StepKind

TEMPLATE: Final = "admin/orchestrator/try.html"
PICKED: Final = 20


@dataclass(frozen=True, slots=True)
class Tried:
    """What the rules of one version say of the sample."""

    label: str
    outcome: Outcome
    asked: Asked | None
    unread: list[str]


def try_page(site: Any, request: HttpRequest, step: Step) -> HttpResponse:
    """The tester of a step that the user may see. Nothing is written, whatever is posted."""
    actor = actor_of(request)
    routings = routings_of(step, actor)
    sample = _sample(request, step, routings)
    context = {"step": step, "sample": sample, "url": request.path, **_form(step, sample)}
    part = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    if part == "fields":
        return TemplateResponse(request, f"{TEMPLATE}#fields", context)
    context |= {"found": _all_tried(step, sample)}
    if part == "outcome":
        return TemplateResponse(request, f"{TEMPLATE}#outcome", context)
    rows = replay(step, rights_of(step), routings)
    context |= {
        **site.each_context(request),
        "title": _("Try the rules of %(step)s") % {"step": step},
        "crumbs": crumbs(step.version, step),
        "picks": routings[:PICKED],
        "picked": request.GET.get("routing", ""),
        "back": page_of(step),
        **_compared(rows),
    }
    return TemplateResponse(request, TEMPLATE, context)


def try_url(step: Step) -> str:
    return reverse("admin:orchestrator_step_try", args=[step.pk])


def _compared(rows: Sequence[Replay]) -> dict[str, Any]:
    changed = [row for row in rows if row.changed]
    return {
        "rows": [*changed, *(row for row in rows if not row.changed)],
        "turns": turns(rows),
        "same": len(rows) - len(changed),
        "invalid": INVALID,
    }


def _sample(request: HttpRequest, step: Step, routings: Sequence[Routing]) -> Sample:
    if request.method == "POST":
        return typed(step, rearranged(request))
    given = request.GET.get("routing", "")
    picked = next((row for row in routings if str(row.pk) == given), None)
    first = picked or next(iter(routings), None)
    return of_routing(first) if first else made_up(step)


def _form(step: Step, sample: Sample) -> dict[str, Any]:
    """What the form of the sample is drawn from."""
    places = [] if step.kind == StepKind.HUMAN else scored(facts_of(step))
    errors = sample.errors.items()
    return {
        "asks_output": step.kind != StepKind.HUMAN and not schema.check_schema(step.schema),
        "errors": {path.removeprefix("output"): text for path, text in errors if path != "data"},
        "data_error": sample.errors.get("data", ""),
        "scores": [(SCORE + path, path, sample.scores.get(path, "")) for path in places],
        "initiators": _initiators(sample),
    }


def _initiators(sample: Sample) -> list[Actor]:
    """People who brought a case of late, and the one at hand."""
    rows = Actor.objects.filter(user__is_active=True).select_related("user")
    found = list(rows.order_by("user__username")[:100])
    if sample.initiator and sample.initiator.user and sample.initiator not in found:
        found.append(sample.initiator)
    return found


def _all_tried(step: Step, sample: Sample) -> list[Tried]:
    """The version at hand first; beside a draft also the published version."""
    found = [_tried(step, sample)]
    published = step.version.workflow.published_version
    if step.version.published_at is None and published:
        same = published.steps.select_related("version__workflow", "actor").filter(key=step.key)
        found += [_tried(other, sample) for other in same]
    return found


def _tried(step: Step, sample: Sample) -> Tried:
    rights = rights_of(step)
    stopped = engine.halted(step.version.workflow) is not None
    outcome = tried(rights, sample.facts, stopped=stopped)
    people = (
        asked(step, outcome.right, sample.output, sample.initiator)
        if outcome.asks and outcome.right
        else None
    )
    state = _("published") if step.version.published_at else _("draft")
    return Tried(f"v{step.version.number} ({state})", outcome, people, _unread(rights, outcome))


def _unread(rights: Sequence[DecisionRight], outcome: Outcome) -> list[str]:
    """Rules after the one that won: nobody looked at them."""
    return [str(right) for right in rights[len(outcome.route.why) :]]
