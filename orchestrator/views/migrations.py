"""Take running cases over to another version of a workflow: plan, dry run, progress, way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Count, F
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orchestrator import authority, engine
from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import (
    Actor,
    Bulk,
    BulkState,
    Case,
    StepKind,
    Task,
    Workflow,
    WorkflowVersion,
)
from orchestrator.views.bulks import head, show_progress
from orchestrator.views.requests import actor_of

LISTED: Final = 100
"""Cases of a dry run that the page names."""

HISTORY: Final = 10
OPEN: Final = ("open", "cancelling")
CLOSED: Final = ("completed", "cancelled")
PREFIX: Final = "step."
"""Before the key of an old step in the form; the value is the key of the new one."""


def opened(request: HttpRequest, slug: str) -> tuple[Actor, Workflow]:
    """A workflow that the actor publishes. Raises NotFound and NotAllowed."""
    actor = actor_of(request)
    found = authority.access_workflow(actor, slug)
    authority.require(actor, "publish", found)
    return actor, found


@require_http_methods(["GET", "HEAD", "POST"])
def migrate(request: HttpRequest, slug: str) -> HttpResponse:
    """Choose two versions and a plan, look at what it means; a POST does it."""
    actor, found = opened(request, slug)
    said = request.POST if request.method == "POST" else request.GET
    ends = chosen(found, said)
    if request.method == "POST":
        return _begin(request, ends, actor)
    context: dict[str, Any] = {"workflow": found, **choices(found, said)}
    if ends is not None:
        context |= planned(ends, said)
    status = 422 if context.get("problems") else 200
    return render(request, "orchestrator/migrate.html", context, status=status)


Ends = tuple[WorkflowVersion, WorkflowVersion]


def _begin(request: HttpRequest, ends: Ends | None, actor: Actor) -> HttpResponse:
    if ends is None:
        raise Invalid(_("Choose from which version to which."))
    plan = engine.plan_of(*ends, steps_in(request.POST))
    bulk = engine.migrate(plan, actor=actor, by_hand="by_hand" in request.POST)
    return redirect("migration", ends[0].workflow.slug, bulk.pk)


def chosen(found: Workflow, said: QueryDict) -> Ends | None:
    """The versions that a form names by number; None where it names none yet.

    Raises NotFound for a version that is not there or not published.
    """
    numbers = [said.get(name, "") for name in ("from", "to")]
    if not all(numbers):
        return None
    published = found.versions.exclude(published_at=None).select_related("workflow")
    by_number = {str(version.number): version for version in published}
    if not all(number in by_number for number in numbers):
        raise NotFound(_("There is no such version."))
    return by_number[numbers[0]], by_number[numbers[1]]


def choices(found: Workflow, said: QueryDict) -> dict[str, Any]:
    """The versions that have open cases, with how many, and those that cases can go to."""
    running = Case.objects.filter(workflow=found, state__in=OPEN)
    counts = dict(running.values_list("version").annotate(Count("pk")))
    published = list(found.versions.exclude(published_at=None).order_by("-number"))
    current = next((row.number for row in published if row.pk == found.published_version_id), None)
    return {
        "sources": [(row.number, counts[row.pk]) for row in published if row.pk in counts],
        "targets": [row.number for row in published],
        "source": said.get("from", ""),
        "target": said.get("to", "") or str(current or ""),
    }


def steps_in(said: Mapping[str, str]) -> dict[str, str]:
    """The plan as the form says it; a step that leads nowhere is left out."""
    named = {name.removeprefix(PREFIX): said[name] for name in said if name.startswith(PREFIX)}
    return {source: target for source, target in named.items() if target}


def planned(ends: Ends, said: QueryDict) -> dict[str, Any]:
    """The mapping as a form, and with ``run`` what it would mean."""
    steps = steps_in(said) if "run" in said else engine.same_steps(*ends)
    context: dict[str, Any] = {"mapping": mapping_of(ends, steps), "mapped": sorted(steps.items())}
    if "run" not in said:
        return context
    try:
        return context | {"verdicts": verdicts_of(engine.dry_run(engine.plan_of(*ends, steps)))}
    except Invalid as refusal:
        problems = refusal.details["problems"] or [{"message": refusal.message}]
        return context | {"problems": [row["message"] for row in problems]}


def mapping_of(ends: Ends, steps: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each old step with the new ones of its kind; nobody waits at an end."""
    old, new = (engine.definition_of(version.pk).steps for version in ends)
    here = Task.objects.filter(case__version=ends[0], case__state__in=OPEN)
    at = Counter(here.exclude(state__in=CLOSED).values_list("step_key", flat=True))
    return [
        {
            "name": PREFIX + key,
            "label": step.name,
            "kind": step.kind,
            "open": at[key],
            "options": [
                (other.key, other.name, steps.get(key) == other.key)
                for other in new.values()
                if other.kind == step.kind
            ],
        }
        for key, step in old.items()
        if step.kind != StepKind.END
    ]


def verdicts_of(found: engine.DryRun) -> dict[str, Any]:
    """How many cases are of each verdict, and the first of those that are not simply safe."""
    listed = {
        kind: [row for row in found.verdicts if row.kind == kind][:LISTED]
        for kind in ("hand", "refused")
    }
    return {"counts": found.counts, "more": found.more, **listed}


def _bulk_of(found: Workflow, bulk_id: int) -> Bulk:
    """A migration of the workflow, or one taken back. Raises NotFound."""
    shown = migrations_of(found).filter(pk=bulk_id).first()
    if shown is None:
        raise NotFound
    return shown


def migrations_of(found: Workflow) -> Any:
    """Its migrations and what took them back, newest first."""
    verbs = (engine.MIGRATE, engine.REVERT)
    rows = Bulk.objects.filter(verb__in=verbs, params__workflow=found.slug)
    return rows.select_related("by__user").order_by("-pk")


def history(found: Workflow) -> list[dict[str, Any]]:
    """The newest migrations of a workflow."""
    return [
        head(bulk)
        | ends_of(bulk)
        | {"url": reverse("migration", args=[found.slug, bulk.pk]), "done": bulk.done}
        for bulk in migrations_of(found)[:HISTORY]
    ]


def ends_of(bulk: Bulk) -> dict[str, Any]:
    """The numbers of the versions that a migration leads from and to, as it goes."""
    if bulk.verb == engine.REVERT:
        first = Bulk.objects.get(pk=bulk.params["bulk"])
        there = ends_of(first)
        return {"source": there["target"], "target": there["source"], "reverts": first.pk}
    named = WorkflowVersion.objects.in_bulk([bulk.params["from"], bulk.params["to"]])
    source, target = (named[bulk.params[name]].number for name in ("from", "to"))
    return {"source": source, "target": target, "reverts": None}


@require_safe
def migration(request: HttpRequest, slug: str, bulk_id: int) -> HttpResponse:
    """How far a migration is, and whether it can be taken back."""
    actor, found = opened(request, slug)
    shown = _bulk_of(found, bulk_id)
    more = {
        "workflow": found,
        "back_url": reverse("workflow", args=[slug]),
        "ends": ends_of(shown),
        "way_back": way_back(shown),
    }
    return show_progress(request, shown, actor, more)


def way_back(bulk: Bulk) -> dict[str, int] | None:
    """How many cases would go back and how many would not, for they have moved on since."""
    if bulk.verb != engine.MIGRATE or bulk.finished_at is None:
        return None
    done = bulk.rows.filter(state=BulkState.DONE)
    still = done.filter(case__seq=F("seq"), case__version=bulk.params["to"]).count()
    return {"still": still, "moved": done.count() - still}


@require_POST
def revert(request: HttpRequest, slug: str, bulk_id: int) -> HttpResponse:
    """Have what has not moved on since taken back."""
    actor, found = opened(request, slug)
    back = engine.revert(_bulk_of(found, bulk_id).pk, actor=actor)
    return redirect("migration", slug, back.pk)
