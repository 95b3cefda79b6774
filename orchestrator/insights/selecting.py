"""The cases behind a number: a closed vocabulary, so that a link says exactly what was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from orchestrator.engine import CONSENT
from orchestrator.insights.figures import OVERRIDES, UNKNOWN
from orchestrator.insights.reasons import NO_RULE
from orchestrator.models import (
    ASKING,
    MACHINE,
    Attempt,
    Case,
    CaseOrigin,
    Decision,
    Routing,
    Seat,
    StepKind,
    Task,
    Verdict,
)

# name -> how the cases are told
WHAT: Final[Mapping[str, str]] = {
    "started": gettext_noop("that were started"),
    "completed": gettext_noop("that were completed"),
    "cancelled": gettext_noop("that were cancelled"),
    "auto": gettext_noop("in which a rule approved an output"),
    "blocked": gettext_noop("in which a rule rejected an output"),
    "asked": gettext_noop("in which people were asked about an output"),
    "approved": gettext_noop("in which people approved an output"),
    "corrected": gettext_noop("in which people corrected an output"),
    "rejected": gettext_noop("in which people rejected an output"),
    "responded": gettext_noop("in which people answered instead of the agent"),
    "escalated": gettext_noop("in which people escalated an output"),
    "overridden": gettext_noop("in which people corrected or rejected an output"),
    "decided": gettext_noop("in which people decided an output"),
    "answered": gettext_noop("in which people answered"),
    "judged": gettext_noop("with an output that people judged"),
    "agreed": gettext_noop("with an output that people agreed with"),
    "differed": gettext_noop("with an output that people did not agree with"),
    "tried": gettext_noop("in which a machine tried something"),
    "failed": gettext_noop("in which a try failed"),
    "in_review": gettext_noop("that wait for people"),
    "waiting": gettext_noop("in which a decision is open"),
    "parked": gettext_noop("in which a step waits for time, a signal or another case"),
    "held": gettext_noop("in which somebody holds a decision"),
    "settled": gettext_noop("in which a decision of a person has settled"),
}
PARKING: Final = (StepKind.TIMER, StepKind.EVENT, StepKind.SUBFLOW)
ONCE: Final = frozenset({"started", "completed", "cancelled", "in_review"})
"""What happens to a case once, so that as many cases are listed as were counted."""
_SAID: Final = ("approved", "corrected", "rejected", "responded", "escalated", "overridden")
OF_AGENTS: Final = frozenset(
    {"auto", "blocked", "asked", "decided", "judged", "agreed", "differed", "tried", "failed"}
    | set(_SAID)
)
"""What is said of an output or a try, so that it is about one agent."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What happened in a case, when, by which rules or in which band of confidence; where it
    waits, at which ``step`` for which ``group``, and ``who`` holds or decided it; and which
    ``agent`` it is about.
    """

    what: str
    since: datetime | None = None
    until: datetime | None = None
    rules: tuple[int, ...] = ()
    band: str = ""
    step: str = ""
    group: int = 0
    who: int = 0
    agent: int | None = None

    def within(self, path: str) -> Q:
        """That the time at ``path`` is in the period."""
        found = Q()
        if self.since:
            found &= Q((f"{path}__gte", self.since))
        return found & Q((f"{path}__lt", self.until)) if self.until else found


def selected(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    """Those of the cases in which it happened; what tries something out is not counted."""
    found = FINDERS[wanted.what](found.filter(origin=CaseOrigin.LIVE), wanted)
    if wanted.agent is not None and wanted.what not in OF_AGENTS:
        return answered_by(found, wanted.agent)
    return found


def answered_by(found: QuerySet[Case], agent: int) -> QuerySet[Case]:
    """Those of the cases with an output of the agent version."""
    tried = Attempt.objects.filter(actor=agent, error__isnull=True)
    return found.filter(pk__in=tried.values("task__case"))


def _about(rows: QuerySet[Decision], wanted: Selection) -> QuerySet[Decision]:
    """Decisions in a round about the agent's output."""
    if wanted.agent is None:
        return rows
    same = {"task": OuterRef("task"), "round": OuterRef("round")}
    return rows.filter(Exists(Routing.objects.filter(**same, attempt__actor=wanted.agent)))


def _started(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    return found.filter(wanted.within("created_at"))


def _closed(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    return found.filter(wanted.within("completed_at"), state=wanted.what)


def _in_review(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    rows = Task.objects.filter(state="in_review", case__state="open")
    return found.filter(pk__in=rows.values("case"))


def _open_seats(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    """Decisions that wait, pended ones not among them, or that somebody holds now."""
    rows = Seat.objects.open()
    rows = rows.claimed_by(wanted.who) if wanted.what == "held" else rows.filter(back_at=None)
    if wanted.step:
        rows = rows.filter(step_key=wanted.step)
    if wanted.group:
        rows = rows.filter(group=wanted.group)
    return found.filter(pk__in=rows.values("task__case"))


def _parked(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    """As the home of an owner counts them: joins wait for branches that are there themselves."""
    rows = Task.objects.filter(state="waiting", step__kind__in=PARKING)
    if wanted.step:
        rows = rows.filter(step_key=wanted.step)
    return found.filter(pk__in=rows.values("case"))


def _settled(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    rows = Verdict.objects.filter(wanted.within("created_at"), source="review")
    if wanted.who:
        rows = rows.filter(decision__actor=wanted.who)
    return found.filter(pk__in=rows.values("decision__task__case"))


def _by_rule(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    word = "approved" if wanted.what == "auto" else "rejected"
    rows = Decision.objects.filter(wanted.within("created_at"), seat=None, word=word)
    rows = _about(rows.exclude(via=CONSENT), wanted)
    return found.filter(pk__in=rows.values("task__case"))


def _asked(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    rows = Routing.objects.filter(
        wanted.within("created_at"), round=1, action__in=ASKING, task__step__kind__in=MACHINE
    )
    if wanted.rules:
        without = Q(right=None) if NO_RULE in wanted.rules else Q()
        rows = rows.filter(Q(right__in=wanted.rules) | without)
    if wanted.agent is not None:
        rows = rows.filter(attempt__actor=wanted.agent)
    return found.filter(pk__in=rows.values("task__case"))


def _said(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    """Decisions of people that stand."""
    rows = Decision.objects.filter(
        wanted.within("created_at"), actor__kind="human", filled__isnull=False
    ).exclude(via=CONSENT)
    kind = Q(task__step__kind__in=MACHINE)
    rows = rows.filter(~kind if wanted.what == "answered" else kind)
    if wanted.what == "overridden":
        rows = rows.filter(word__in=OVERRIDES)
    elif wanted.what not in ("answered", "decided"):
        rows = rows.filter(word=wanted.what)
    return found.filter(pk__in=_about(rows, wanted).values("task__case"))


def _judged(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    rows = Verdict.objects.filter(wanted.within("created_at"), evidence=True)
    if wanted.what != "judged":
        rows = rows.filter(error=wanted.what == "differed")
    if wanted.band:
        rows = rows.filter(_in_band(wanted.band))
    if wanted.agent is not None:
        rows = rows.filter(routing__attempt__actor=wanted.agent)
    return found.filter(pk__in=rows.values("routing__task__case"))


def _in_band(band: str) -> Q:
    path = "routing__attempt__confidence"
    if band == UNKNOWN:
        return Q((f"{path}__isnull", True))
    bounds: dict[str, Any] = {f"{path}__gte": int(band) / 10}
    if band != "9":
        bounds[f"{path}__lt"] = (int(band) + 1) / 10
    return Q(**bounds)


def _tried(found: QuerySet[Case], wanted: Selection) -> QuerySet[Case]:
    rows = Attempt.objects.filter(
        wanted.within("finished_at"), finished_at__isnull=False, task__step__kind__in=MACHINE
    )
    if wanted.what == "failed":
        rows = rows.filter(error__isnull=False)
    if wanted.agent is not None:
        rows = rows.filter(actor=wanted.agent)
    return found.filter(pk__in=rows.values("task__case"))


FINDERS: Final[Mapping[str, Callable[[QuerySet[Case], Selection], QuerySet[Case]]]] = {
    "started": _started,
    "completed": _closed,
    "cancelled": _closed,
    "auto": _by_rule,
    "blocked": _by_rule,
    "asked": _asked,
    **dict.fromkeys((*_SAID, "decided", "answered"), _said),
    **dict.fromkeys(("judged", "agreed", "differed"), _judged),
    "tried": _tried,
    "failed": _tried,
    "in_review": _in_review,
    "waiting": _open_seats,
    "held": _open_seats,
    "parked": _parked,
    "settled": _settled,
}
