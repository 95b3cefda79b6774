"""Which incidents a page is about: what its address asks for, and what it offers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator.models import Actor, Incident, Workflow
from orchestrator.models.fields import ClockOnce
from orchestrator.views.requests import MAX_TEXT

MOST_STEPS: Final = 100
AGES: Final[Mapping[str, tuple[str, timedelta]]] = {
    "1h": (gettext_noop("More than an hour"), timedelta(hours=1)),
    "1d": (gettext_noop("More than a day"), timedelta(days=1)),
    "3d": (gettext_noop("More than 3 days"), timedelta(days=3)),
}
"""How long an incident is open at least."""

ASSIGNED: Final[Mapping[str, str]] = {
    "me": gettext_noop("Me"),
    "nobody": gettext_noop("Nobody"),
}
DUES: Final[Mapping[str, str]] = {
    "late": gettext_noop("Overdue"),
}
FILTERS: Final = ("q", "workflow", "step", "kind", "age", "assigned", "due")


def wanted_of(said: Mapping[str, str]) -> dict[str, str]:
    """What an address or a form asks for, "" where it says nothing."""
    names = (*FILTERS, "group")
    return {name: said.get(name, "")[:MAX_TEXT].replace("\x00", "").strip() for name in names}


def filtered(
    found: QuerySet[Incident], wanted: Mapping[str, str], actor: Actor
) -> QuerySet[Incident]:
    """Those that fit; an age or a person that is none of ours fits none."""
    columns = {
        "q": "task__case__key__startswith",
        "workflow": "task__case__workflow__slug",
        "step": "task__step_key",
        "kind": "kind",
        "group": "fingerprint",
    }
    found = found.filter(
        **{column: wanted[name] for name, column in columns.items() if wanted[name]}
    )
    return assigned(overdue(aged(found, wanted["age"]), wanted["due"]), wanted["assigned"], actor)


def overdue(found: QuerySet[Incident], due: str) -> QuerySet[Incident]:
    if due and due not in DUES:
        return found.none()
    return found.filter(due_at__lt=ClockOnce()) if due else found


def aged(found: QuerySet[Incident], age: str) -> QuerySet[Incident]:
    if age and age not in AGES:
        return found.none()
    return found.filter(opened_at__lte=timezone.now() - AGES[age][1]) if age else found


def assigned(found: QuerySet[Incident], to: str, actor: Actor) -> QuerySet[Incident]:
    match to:
        case "":
            return found
        case "me":
            return found.filter(assigned_to=actor)
        case "nobody":
            return found.filter(assigned_to=None)
    return found.none()


def filters_of(
    wanted: Mapping[str, str], everything: QuerySet[Incident], actor: Actor
) -> dict[str, Any]:
    """What the filter offers. Steps are those of the workflow at which something is open."""
    here = everything
    if wanted["workflow"]:
        here = here.filter(task__case__workflow__slug=wanted["workflow"])
    steps = here.values_list("task__step_key", "task__step__name").distinct()
    kinds = here.values_list("kind", flat=True).distinct().order_by("kind")
    return {
        **wanted,
        "workflows": list(Workflow.objects.visible_to(actor)),
        "steps": sorted(dict(steps[:MOST_STEPS]).items(), key=lambda row: row[1]),
        "kinds": [(kind, Incident(kind=kind).trouble) for kind in kinds],
        "ages": [(key, _(label)) for key, (label, _least) in AGES.items()],
        "people": [(key, _(label)) for key, label in ASSIGNED.items()],
        "dues": [(key, _(label)) for key, label in DUES.items()],
        "active": any(wanted[name] for name in FILTERS),
        "fixed": [(name, value) for name, value in wanted.items() if value],
    }
