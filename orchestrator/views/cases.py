"""The list of cases: by key, workflow and state, and those behind a number of the insights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from orchestrator.insights import ONCE, WHAT, Selection, answered_by, selected
from orchestrator.insights.wording import band_told
from orchestrator.models import (
    Actor,
    ActorKind,
    Case,
    CaseState,
    DecisionRight,
    Workflow,
)
from orchestrator.pages import name_of
from orchestrator.searching import is_by_key, search
from orchestrator.sight import blind_seats
from orchestrator.views.requests import actor_of, link, number, page_of, text

ROWS: Final = 50
BANDS: Final = ("", *map(str, range(10)), "unknown")
BEHIND: Final = (
    *("version", "what", "since", "until", "rule", "band", "agent"),
    *("step", "group", "who"),
)
"""What links say; ``what`` is a word of the insights, ``agent`` the id of an agent version,
``step`` the key of a step, ``group`` and ``who`` are ids."""


@require_safe
def cases(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    workflows = list(Workflow.objects.visible_to(actor))
    wanted = {name: text(request, name) for name in ("q", "workflow", "state", *BEHIND)}
    found = filtered(Case.objects.visible_to(actor), workflows, wanted)
    found, slow = searched(request, found, wanted["q"])
    page = page_of(request, found.select_related("workflow"), size=ROWS)
    filters = wanted | {
        "workflows": workflows,
        "states": CaseState.values,
        "active": any(wanted.values()),
        "behind": {name: wanted[name] for name in BEHIND if wanted[name]},
        "told": told(wanted),
        "without": link(request, **dict.fromkeys(BEHIND)),
    }
    by_state = bool(wanted["state"] or wanted["what"] or wanted["agent"])
    rows = case_rows(page.rows, actor, by_state=by_state, by_words=wanted["q"])
    context = {"rows": rows, "filters": filters, "page": page, "slow": slow}
    return render(request, "orchestrator/cases.html", context)


def searched(
    request: HttpRequest, found: QuerySet[Case], words: str
) -> tuple[QuerySet[Case], bool]:
    """Those of the page that fit the words, and whether they were not looked for to the end."""
    if not words:
        return found, False
    before = number(request, "before")
    result = search(found.filter(pk__lt=before) if before else found, words, size=ROWS + 1)
    return Case.objects.filter(pk__in=result.ids), result.slow


def filtered(
    found: QuerySet[Case], workflows: Iterable[Workflow], wanted: Mapping[str, str]
) -> QuerySet[Case]:
    """The cases that fit, whatever words are searched; a workflow that the actor does not see
    fits none.
    """
    if wanted["workflow"]:
        chosen = [row for row in workflows if row.slug == wanted["workflow"]]
        found = found.filter(workflow__in=chosen)
    if wanted["state"]:
        found = found.filter(state=wanted["state"])
    try:
        return behind(found, wanted)
    except ValueError:
        return found.none()


def behind(found: QuerySet[Case], wanted: Mapping[str, str]) -> QuerySet[Case]:
    """Those that a number counts. Raises ValueError for what no link says."""
    if wanted["version"]:
        found = found.filter(version__number=_whole(wanted["version"]))
    agent = _whole(wanted["agent"]) if wanted["agent"] else None
    if not wanted["what"]:
        return found if agent is None else answered_by(found, agent)
    if wanted["what"] not in WHAT or wanted["band"] not in BANDS:
        raise ValueError
    selection = Selection(
        what=wanted["what"],
        since=_moment(wanted["since"]),
        until=_moment(wanted["until"]),
        rules=tuple(_whole(rule) for rule in wanted["rule"].split(",") if rule),
        band=wanted["band"],
        step=wanted["step"],
        group=_whole(wanted["group"] or "0"),
        who=_whole(wanted["who"] or "0"),
        agent=agent,
    )
    return selected(found, selection)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError
    return int(text)


def _moment(text: str) -> datetime | None:
    """UTC where nothing else is said."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _readable(text: str) -> str:
    try:
        at = _moment(text)
    except ValueError:
        at = None
    return f"{at:%Y-%m-%d %H:%M %Z}" if at else text


def told(wanted: Mapping[str, str]) -> str:
    """What the chosen cases have in common, "" where nothing is chosen beside the form."""
    what = WHAT.get(wanted["what"], "")
    parts = (
        _("of version %s") % wanted["version"] if wanted["version"] else "",
        _(what) if what else "",
        _of_agent(wanted) if wanted["agent"] else "",
        _("by the rule “%s”") % rule if (rule := _rule(wanted["rule"])) else "",
        _("with confidence %s") % band_told(wanted["band"]) if wanted["band"] in BANDS[1:] else "",
        *_where(wanted),
        _("since %s") % _readable(wanted["since"]) if wanted["since"] else "",
        _("until %s") % _readable(wanted["until"]) if wanted["until"] else "",
    )
    said = " ".join(part for part in parts if part)
    once = _("A case is listed once, however often it happened in it.")
    again = wanted["what"] in WHAT and wanted["what"] not in ONCE
    return " ".join([_("Cases %s.") % said, *([once] if again else [])]) if said else ""


def _where(wanted: Mapping[str, str]) -> Iterator[str]:
    """At which step, for whom and by whom."""
    if wanted["step"]:
        yield _("at the step “%s”") % wanted["step"]
    if wanted["group"]:
        yield _("for the group %s") % _named(Group.objects.all(), wanted["group"])
    if wanted["who"]:
        yield _("by %s") % _person(wanted["who"])


def _rule(text: str) -> str:
    """The name of the newest of these rules; "" where none is there."""
    ids = [_id(part) for part in text.split(",") if part]
    return next(map(str, DecisionRight.objects.filter(pk__in=ids).order_by("-pk")[:1]), "")


def _of_agent(wanted: Mapping[str, str]) -> str:
    """By its name; what no agent is called stays as it is."""
    name = _named(Actor.objects.filter(kind=ActorKind.AGENT), wanted["agent"])
    return (_("(agent %s)") if wanted["what"] in WHAT else _("with an output of %s")) % name


def _person(text: str) -> str:
    known = Actor.objects.select_related("user").filter(pk=_id(text)).first()
    return name_of(known) if known else text


def _named(rows: QuerySet[Any], text: str) -> str:
    """The name of the row with this id, else what was said."""
    return next(map(str, rows.filter(pk=_id(text))), text)


def _id(text: str) -> int:
    """0, which no row has, for what is no id."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def case_rows(
    found: Iterable[Case], actor: Actor, *, by_state: bool, by_words: str = ""
) -> list[dict[str, Any]]:
    """Rows of the list. A blind review in a case hides its state, also from the filter, and
    what it holds from the search.
    """
    found = list(found)
    blind = {seat.task.case_id for seat in blind_seats(actor, [case.pk for case in found])}
    return [
        {
            "url": reverse("case", args=[case.pk]),
            "key": case.key,
            "workflow_name": case.workflow.name,
            "state": "blind" if case.pk in blind else case.state,
            "outcome": "" if case.pk in blind else case.outcome,
            "at": case.created_at,
        }
        for case in found
        if case.pk not in blind or (not by_state and is_by_key(case, by_words))
    ]
