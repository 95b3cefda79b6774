"""Saved filters: which parameters a page knows, what is kept, and with whom it is shared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.exceptions import Invalid
from orchestrator.models import Actor, Workflow
from review.models import DefaultFilter, FilterPage, SavedFilter
from review.wanted import Wanted

MOST: Final = 30
"""Filters of one page that one person keeps."""
LONGEST: Final = 60
VALUE: Final = 200

KNOWN: Final[Mapping[str, tuple[str, ...]]] = {
    FilterPage.CASES: (
        *("q", "workflow", "state"),
        *("version", "what", "since", "until", "rule", "band", "agent"),
    ),
    FilterPage.INCIDENTS: ("q", "workflow", "step", "kind", "age", "assigned"),
}
"""Page -> the parameters of its address that say what is shown; others are not kept. Those of
the queue are ``Wanted``'s."""

ADDRESSES: Final = {
    FilterPage.QUEUE: "review:queue",
    FilterPage.CASES: "cases",
    FilterPage.INCIDENTS: "incidents",
}


def known(page: str, said: Mapping[str, str]) -> dict[str, str]:
    """What an address says that the page knows, in the page's order; nothing that is empty."""
    if page == FilterPage.QUEUE:
        return Wanted.asked(said).chosen
    values = {name: said.get(name, "").replace("\x00", "").strip() for name in KNOWN[page]}
    return {name: value[:VALUE] for name, value in values.items() if value}


def address_of(page: str, query: Mapping[str, str]) -> str:
    """The page as a filter shows it; without one all that there is."""
    return f"{reverse(ADDRESSES[FilterPage(page)])}?{urlencode(known(page, query) or {'all': 1})}"


def keep(actor: Actor, page: str, name: str, query: Mapping[str, str]) -> SavedFilter:
    """Keep a filter under a name; one that has the name already says this from now on.

    Raises Invalid.
    """
    name = _named(name)
    if not query:
        raise Invalid(_("Choose something first: an empty filter shows everything."))
    own = SavedFilter.objects.filter(owner=actor, page=page)
    if not own.filter(name=name).exists() and own.count() >= MOST:
        raise Invalid(_("You keep %s filters of this page: remove one first.") % MOST)
    values = {"query": dict(query), "group": None}
    return SavedFilter.objects.update_or_create(owner=actor, page=page, name=name, defaults=values)[
        0
    ]


def rename(kept: SavedFilter, name: str) -> None:
    """Raises Invalid where another filter of the page has the name."""
    name = _named(name)
    same = SavedFilter.objects.filter(owner=kept.owner_id, page=kept.page, name=name)
    if same.exclude(pk=kept.pk).exists():
        raise Invalid(_("Another filter of yours has this name."))
    kept.name = name
    kept.save(update_fields=["name"])


def _named(name: str) -> str:
    name = " ".join(name.replace("\x00", "").split())[:LONGEST]
    if not name:
        raise Invalid(_("Give it a name."))
    return name


@transaction.atomic
def make_default(kept: SavedFilter, actor: Actor, *, wanted: bool) -> None:
    """Open the page with this filter from now on, or with none."""
    DefaultFilter.objects.filter(actor=actor, page=kept.page).delete()
    if wanted:
        DefaultFilter.objects.create(actor=actor, page=kept.page, filter=kept)


def share(kept: SavedFilter, actor: Actor, group: str) -> None:
    """Show it to a group too, to nobody else with "". Raises Invalid."""
    found = groups_for(actor, kept.query).filter(name=group).first() if group else None
    if group and found is None:
        raise Invalid(_("Only a group of a workflow that you lead or own can share it."))
    kept.group = found
    kept.save(update_fields=["group"])


def groups_for(actor: Actor, query: Mapping[str, str]) -> QuerySet[Group]:
    """The groups of the workflows that a filter is about, of those that the actor leads or owns."""
    places = Workflow.objects.visible_to(actor)
    if "workflow" in query:
        places = places.filter(slug=query["workflow"])
    led = [place.pk for place in places if authority.may(actor, "assign", place).allowed]
    return Group.objects.filter(workflows__in=led).distinct().order_by("name")
