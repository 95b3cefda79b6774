"""Which settled decisions are asked for, and by whom."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final, Self, TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.exceptions import Invalid
from orchestrator.models import Actor, Decision, Word, Workflow

FILTERS: Final = ("workflow", "since", "from", "until", "decision", "reviewer", "limit")
NOT_FILTERS: Final = frozenset({"format"})
LARGEST: Final = (1 << 63) - 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Query:
    """Filters over the verdicts of ``workflows`` (ids), all of which the asker may export.

    ``since`` is a cursor, exclusive. Decisions were made at ``start`` or later and before
    ``end``. ``reviewers`` are ids of actors. ``asked`` is what was asked for, as it came.
    """

    workflows: Sequence[int]
    since: int = 0
    start: datetime | None = None
    end: datetime | None = None
    decision: str | None = None
    reviewers: Sequence[int] | None = None
    limit: int | None = None
    asked: Mapping[str, str] | None = None

    @classmethod
    def parse(cls, mapping: Mapping[str, str], actor: Actor | None) -> Self:
        """The query in ``mapping``, for ``actor``; None is whoever runs commands on the server.

        An empty value is no filter, and ``format`` is left to the caller. ``until`` takes a day
        with its last second, or a time, exclusive; UTC where it does not say otherwise. Raises
        Invalid for an unknown filter or value, NotFound and NotAllowed for the workflow.
        """
        asked = _asked(mapping)
        workflows = _workflows(asked.get("workflow"), actor)
        return cls(
            workflows=workflows,
            since=_read(asked, "since", partial(_whole, least=0)) or 0,
            start=_read(asked, "from", _moment),
            end=_read(asked, "until", partial(_moment, days=1)),
            decision=_read(asked, "decision", _word),
            reviewers=_read(asked, "reviewer", partial(_reviewers, workflows=workflows)),
            limit=_read(asked, "limit", partial(_whole, least=1)),
            asked=asked,
        )


def given_once(asked: MultiValueDict[str, str]) -> dict[str, str]:
    """What an address asks for. Raises Invalid where it says something twice, of which only one
    would count."""
    for name, values in asked.lists():
        if len(values) > 1:
            raise _invalid(name, _("Give it only once."))
    return {name: value for name, value in asked.items() if isinstance(value, str)}


def _asked(mapping: Mapping[str, str]) -> dict[str, str]:
    unknown = sorted(mapping.keys() - {*FILTERS} - NOT_FILTERS)
    if unknown:
        raise _invalid(unknown[0], _("There is no such filter; there are %s.") % ", ".join(FILTERS))
    asked = {name: mapping[name] for name in FILTERS if mapping.get(name)}
    for name, value in asked.items():
        if "\x00" in value:
            raise _invalid(name, _("A value has no NUL."))
    return asked


def _invalid(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", problems=[{"path": f"/{name}", "message": message}])


def _workflows(slug: str | None, actor: Actor | None) -> list[int]:
    """The one asked for, else all that the actor may export."""
    if actor is not None and slug is not None:
        workflow = authority.access_workflow(actor, slug)
        authority.require(actor, "export", workflow)
        return [workflow.pk]
    if actor is not None:
        return [workflow.pk for workflow in exportable(actor)]
    every = Workflow.objects.all() if slug is None else Workflow.objects.filter(slug=slug)
    found = list(every.values_list("pk", flat=True))
    if slug is not None and not found:
        raise _invalid("workflow", _("There is no workflow %s.") % repr(slug))
    return found


def exportable(actor: Actor) -> list[Workflow]:
    """The workflows whose feedback ``actor`` may take away, by name."""
    visible = Workflow.objects.visible_to(actor).order_by("name")
    return [workflow for workflow in visible if authority.may(actor, "export", workflow).allowed]


def _read(asked: Mapping[str, str], name: str, reader: Callable[[str], T]) -> T | None:
    if name not in asked:
        return None
    try:
        return reader(asked[name])
    except ValueError as error:
        raise _invalid(name, str(error)) from error


def _whole(text: str, *, least: int) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text) or not least <= int(text) <= LARGEST:
        raise ValueError(_("This is not a whole number of %s or more.") % least)
    return int(text)


def _word(text: str) -> str:
    if text not in Word.values:
        raise ValueError(_("There is no such decision; there are %s.") % ", ".join(Word.values))
    return text


def _moment(text: str, *, days: int = 0) -> datetime:
    """A time, or the start of a day and of as many ``days`` after it."""
    try:
        if day := _day(text):
            return datetime.combine(day + timedelta(days=days), time(), UTC)
        # An address in which nobody escaped it turns the + of an offset into a space.
        moment = datetime.fromisoformat(re.sub(r" (?=\d\d:?\d\d$)", "+", text))
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            _("Write a day as 2026-01-31 or a time as 2026-01-31T12:00:00Z.")
        ) from error


def _day(text: str) -> date | None:
    """In any spelling of ISO 8601, so that no day is taken for its first moment."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _reviewers(name: str, *, workflows: Sequence[int]) -> list[int]:
    """Who goes by this name: a person by the user name, a rule or program by its own."""
    base, _at, revision = name.rpartition("@")
    named = (
        Q(user__username=name)
        | Q(user=None, name=name)
        | Q(user=None, name=base, revision=revision)
    )
    found = list(deciders(workflows).filter(named).values_list("pk", flat=True))
    if not found:
        raise ValueError(_("Nobody of this name has decided here."))
    return found


def deciders(workflows: Sequence[int]) -> QuerySet[Actor]:
    """The actors with a settled decision in ``workflows``: a probe of an index for each."""
    settled = Decision.objects.filter(actor=OuterRef("pk"), verdict__workflow__in=workflows)
    return Actor.objects.filter(Exists(settled))
