"""The home of an auditor: whether the record holds, and where people left the usual way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.engine.events import first_breaks
from orchestrator.models import Actor, Case, Event, Workflow
from orchestrator.pages import Moment, moments
from orchestrator.sight import blind_seats
from orchestrator.spelling import at_least, number
from orchestrator.views.home.sections import Section, listed

CHAINS: Final = 50
LOOKED: Final = 2000
"""Events, the newest of all, among which deviations are looked for."""
DAYS: Final = 7
SHOWN: Final = 12
DEVIATIONS: Final = (
    "case.cancelled",
    "decision.undone",
    "incident.resolved",
    "seat.assigned",
    "seat.released",
    "workflow.halted",
    "workflow.resumed",
)


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something that somebody did outside the usual way, and where."""

    moment: Moment
    url: str
    place: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A chain whose link ``number`` is missing or altered."""

    url: str
    key: str
    number: int


def auditor(actor: Actor) -> Section:
    checked, broken = chains(actor)
    found = deviations(actor)
    data = {"checked": checked, "broken": broken, "deviations": found, "days": DAYS}
    tone = "bad" if broken else ""
    return Section("auditor", _line(checked, broken, found), tone, data)


def _line(checked: int, broken: list[Broken], found: list[Deviation]) -> str:
    if broken:
        told = ngettext(
            "%(count)s chain of the newest %(checked)s broken.",
            "%(count)s chains of the newest %(checked)s broken.",
            len(broken),
        )
        return told % {"count": number(len(broken)), "checked": number(checked)}
    deviated = ngettext("%s deviation lately", "%s deviations lately", len(found))
    return listed(
        [
            _("the newest %s chains hold") % number(checked) if checked > 1 else "",
            deviated % at_least(len(found), more=len(found) == SHOWN)
            if found
            else _("nothing left the usual way lately"),
        ]
    )


def chains(actor: Actor) -> tuple[int, list[Broken]]:
    """How many of the newest cases' chains were checked just now, and the broken ones."""
    newest = list(Case.objects.visible_to(actor).order_by("-pk")[:CHAINS])
    found = first_breaks(newest)
    broken = [
        Broken(reverse("case", args=[case.pk]), case.key, found[stream])
        for case in newest
        if (stream := f"case:{case.pk}") in found
    ]
    return len(newest), broken


def deviations(actor: Actor) -> list[Deviation]:
    """The newest ones in what the actor sees."""
    since = timezone.now() - timedelta(days=DAYS)
    newest = Event.objects.filter(at__gte=since).order_by("-pk").values("pk")[:LOOKED]
    odd = Event.objects.filter(pk__in=newest, at__gte=since, type__in=DEVIATIONS)
    events = list(odd.select_related("actor__user").order_by("-pk")[: SHOWN * 4])
    places = _places(actor, events)
    seen = [event for event in events if event.stream in places][:SHOWN]
    return [
        Deviation(moment, *places[event.stream])
        for event, moment in zip(seen, moments(seen), strict=True)
    ]


def _places(actor: Actor, events: list[Event]) -> dict[str, tuple[str, str]]:
    """stream -> address and name of its case or workflow, of those that the actor sees."""
    ids: dict[str, set[int]] = {"case": set(), "workflow": set()}
    for event in events:
        kind, _colon, number = event.stream.partition(":")
        ids[kind].add(int(number))
    # Who has a blind review in a case learns nothing of it here either.
    blind = blind_seats(actor, ids["case"]).values("task__case")
    cases = Case.objects.visible_to(actor).filter(pk__in=ids["case"]).exclude(pk__in=blind)
    places = Workflow.objects.visible_to(actor).filter(pk__in=ids["workflow"])
    return {f"case:{case.pk}": (reverse("case", args=[case.pk]), case.key) for case in cases} | {
        f"workflow:{place.pk}": (reverse("workflow", args=[place.slug]), place.name)
        for place in places
    }
