"""The home of who owns workflows: how much runs by itself, drafts, the slow step, trouble."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator import insights
from orchestrator.lately import Pace, paces
from orchestrator.models import Actor, Incident, Step, Workflow, WorkflowVersion
from orchestrator.spelling import duration, number, share
from orchestrator.views.debuts import news_for
from orchestrator.views.home.parked import parked_in
from orchestrator.views.home.sections import Section, listed, troubled

WEEK: Final = insights.PERIODS["7d"]
INCIDENTS: Final = 100  # open ones that are counted; more are "99+"


@dataclass(frozen=True, slots=True)
class Owned:
    """One workflow of the owner. ``automatic`` is the share of the ``routed`` outputs of seven
    days that a rule approved, as the insights have it."""

    url: str
    slug: str
    name: str
    halted: bool
    automatic: str
    routed: int
    slowest: str
    slow_key: str
    waited: str
    draft_url: str
    draft: str
    incidents: int

    @property
    def outputs(self) -> str:
        return number(self.routed)


def owner(actor: Actor) -> Section | None:
    """None where the actor owns nothing. Eight queries, or nine."""
    if actor.user is None:
        return None
    places = list(Workflow.objects.visible_to(actor).filter(owner=actor.user).order_by("name"))
    if not places:
        return None
    drafts = {row.workflow_id: row for row in drafts_of(places)}
    pace, (trouble, late) = paces([place.pk for place in places]), incidents_of(places)
    names = step_names(places)
    shares = insights.routed_in([place.pk for place in places], WEEK, timezone.now())
    rows = [
        _row(
            place,
            pace.get(place.pk, {}),
            drafts.get(place.pk),
            trouble[place.pk],
            names=names,
            counts=shares.get(place.pk, Counter()),
        )
        for place in places
    ]
    data = {
        "rows": rows,
        "incidents": sum(trouble.values()),
        "news": news_for(places, names),
        "parked": parked_in({place.pk: place for place in places}),
    }
    return Section("owner", _line(rows, late), data=data)


def drafts_of(places: list[Workflow]) -> list[WorkflowVersion]:
    return list(WorkflowVersion.objects.filter(workflow__in=places, published_at=None))


def incidents_of(places: list[Workflow]) -> tuple[Counter[int], int]:
    """How many are open by workflow, and how many of all are overdue; the first due count first."""
    found = Incident.objects.filter(state="open", task__case__workflow__in=places)
    first = found.order_by("due_at").values_list("task__case__workflow", "due_at")[:INCIDENTS]
    now, rows = timezone.now(), list(first)
    return Counter(place for place, _due in rows), sum(due < now for _place, due in rows)


def step_names(places: list[Workflow]) -> dict[tuple[int, str], str]:
    """(workflow, key) -> the name of the step in the version that runs."""
    running = [place.published_version_id for place in places if place.published_version_id]
    steps = Step.objects.filter(version__in=running)
    return {
        (workflow, key): name
        for workflow, key, name in steps.values_list("version__workflow_id", "key", "name")
    }


def _row(
    place: Workflow,
    pace: Mapping[str, Pace],
    draft: WorkflowVersion | None,
    incidents: int,
    *,
    names: Mapping[tuple[int, str], str],
    counts: Counter[str],
) -> Owned:
    key, waited = _slowest(pace)
    routed = counts.total()
    return Owned(
        url=reverse("workflow", args=[place.slug]),
        slug=place.slug,
        name=place.name,
        halted=place.halted_at is not None,
        automatic=share(counts["auto"] / routed) if routed else "",
        routed=routed,
        slowest=names.get((place.pk, key), key),
        slow_key=key,
        waited=duration(waited) if waited is not None else "",
        draft=_("Draft %s") % draft.number if draft else "",
        draft_url=f"{reverse('workflow', args=[place.slug])}?version={draft.number}"
        if draft
        else "",
        incidents=incidents,
    )


def _slowest(pace: Mapping[str, Pace]) -> tuple[str, float | None]:
    """The step where people's decisions took longest, from the opened seat on."""
    timed = [(found.waited, key) for key, found in pace.items() if found.waited is not None]
    if not timed:
        return "", None
    waited, key = max(timed)
    return key, waited


def _line(rows: list[Owned], late: int) -> str:
    drafts, incidents = sum(bool(row.draft) for row in rows), sum(row.incidents for row in rows)
    first = rows[0]
    decided = _("%(share)s of %(workflow)s decided by rules") % {
        "share": first.automatic,
        "workflow": first.name,
    }
    return listed(
        [
            _("%s workflows are yours") % number(len(rows))
            if len(rows) > 1
            else decided
            if first.automatic
            else first.name,
            ngettext("%s draft not published", "%s drafts not published", drafts) % number(drafts)
            if drafts
            else "",
            troubled(incidents, late),
        ]
    )
