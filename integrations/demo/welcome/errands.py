"""The task of two minutes that each person of the demo has, ticked by what really happened.

Nothing is remembered for it: what is done is read from decisions, events, versions and the
admin's log, so it is true for everybody and after every restart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from integrations.demo.feeding import is_paused
from integrations.demo.people import PEOPLE
from integrations.demo.welcome import picks
from integrations.demo.welcome.picks import LIMIT
from orchestrator.models import Actor, Correction, Decision, Event, Workflow
from orchestrator.spelling import number

FIVE: Final = 5
AMONG: Final = {"workflow": "refunds", "step": "read"}
"""The part of the queue in which somebody goes on who has decided one."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing to do and whether it was done."""

    text: str
    done: bool


@dataclass(frozen=True, slots=True)
class Link:
    """Where it is done; ``act`` where following it is already an attempt to do it."""

    text: str
    url: str
    act: bool = False


@dataclass(frozen=True, slots=True)
class Errand:
    """What somebody may do in two minutes. ``check``: the case whose record is to be verified."""

    title: str
    told: str
    marks: list[Mark]
    links: list[Link] = field(default_factory=list)
    check: int | None = None

    @property
    def done(self) -> bool:
        return all(mark.done for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Card:
    """A person of the demo with their errand; ``me`` for whoever looks at the page."""

    user: User
    role: str
    errand: Errand
    me: bool

    @property
    def name(self) -> str:
        return self.user.get_username()

    @property
    def first_name(self) -> str:
        return self.user.first_name


def cards(viewer: str) -> list[Card]:
    """All cards, that of the viewer first. Empty before the demo was set up."""
    users = {user.username: user for user in User.objects.filter(username__in=ERRANDS)}
    refunds = Workflow.objects.filter(slug="refunds").first()
    if refunds is None:
        return []
    found = [
        Card(
            users[person.name],
            _(person.role),
            ERRANDS[person.name](refunds, Actor.objects.for_user(users[person.name])),
            person.name == viewer,
        )
        for person in PEOPLE
        if person.name in users
    ]
    return sorted(found, key=lambda card: not card.me)


def bea(refunds: Workflow, actor: Actor) -> Errand:
    standing = picks.decided(refunds, actor)
    count = min(FIVE, standing.count())
    found = Correction.objects.filter(decision__in=standing, path__endswith="amount").exists()
    return Errand(
        _("Decide five refunds"),
        _(
            "The reader was not sure of these five. Read what the customer wrote, look at "
            "the fields that are flagged, and approve, correct or reject. In one of them "
            "the amount is wrong."
        ),
        [
            Mark(
                _("%(count)s of %(five)s decided") % {"count": count, "five": FIVE},
                done=count == FIVE,
            ),
            Mark(_("The wrong amount corrected"), done=found),
        ],
        [
            Link(task.case.key, reverse("review:task", args=[task.pk], query=AMONG))
            for task in picks.five(refunds, actor, wanted=FIVE - count, wrong=not found)
        ],
    )


def ben(refunds: Workflow, actor: Actor) -> Errand:
    refused = picks.noted(actor, picks.REFUSED)
    first = [
        *_links(_("Be the first"), picks.nobody_yet(refunds)),
        *_links(_("Take it again"), picks.only_mine(refunds, actor), "demo:again"),
    ]
    second = _links(_("Be the second"), picks.somebody_else(refunds, actor))
    return Errand(
        _("Be the second pair of eyes"),
        _(
            "Refunds above 500 take two people, and neither sees what the other said. "
            "Decide one that nobody has seen yet and try to take it again: you are "
            "refused. Then be the second where Bea was the first."
        ),
        [
            Mark(
                _("Refused as the second where you were the first"),
                done=refused,
            ),
            Mark(
                _("One decided as the second"),
                done=picks.for_two(refunds, actor, second=True).exists(),
            ),
        ],
        [*second, *first] if refused else [*reversed(first), *second],
    )


def lea(refunds: Workflow, actor: Actor) -> Errand:
    acts = Event.objects.filter(
        actor=actor, type__in=("seat.assigned", "seat.released", "incident.resolved")
    )
    decided = picks.decided(refunds, actor).exists()
    return Errand(
        _("Look after what lies about"),
        _(
            "Your page shows who holds what and for how long. Give back what somebody has "
            "left open (Bea has, when she went home), or settle an incident. Then decide "
            "one of the requests that try to tell the reader what to do."
        ),
        [
            Mark(_("A seat given back, or an incident settled"), done=acts.exists()),
            Mark(_("One doubtful request decided"), done=decided),
        ],
        [
            Link(_("Who is on what"), reverse("home")),
            *_links(_("A doubtful request"), picks.for_leads(refunds)),
        ],
    )


def alice(refunds: Workflow, actor: Actor) -> Errand:
    version = refunds.published_version
    hers = bool(version and version.published_by_id == actor.user_id and version.number > 1)
    limit = picks.limit_of(refunds)
    lowered = limit is not None and limit < LIMIT
    said = _("Limit lowered to %s") if lowered else _("Limit lowered below %s")
    return Errand(
        _("Let people see more"),
        _(
            "Refunds up to %(limit)s are paid without a person when the reader is sure. "
            "Make a new version, open the rule “Small, covered and sure” of the step “Read "
            "the request”, lower the amount and publish. Cases that come from then on go "
            "by your rule."
        )
        % {"limit": LIMIT},
        [
            Mark(said % number(limit if lowered and limit else LIMIT), done=lowered),
            Mark(_("New version published"), done=hers),
        ],
        [
            Link(
                _("Edit the workflow"),
                reverse("admin:orchestrator_workflow_change", args=[refunds.pk]),
            )
        ],
    )


def cara(refunds: Workflow, actor: Actor) -> Errand:
    decision = picks.by_rule(refunds)
    links = (
        [Link(_("Why %(key)s was approved") % {"key": decision.task.case.key}, _place(decision))]
        if decision
        else []
    )
    return Errand(
        _("Find out why, and trust nobody"),
        _(
            "Nobody looked at this refund: a rule approved it. See which rule, on what "
            "facts, in whose name. Then have its record verified, link by link."
        ),
        [Mark(_("Record of one case verified"), done=picks.noted(actor, picks.VERIFIED))],
        links,
        check=decision.task.case_id if decision else None,
    )


def dora(refunds: Workflow, actor: Actor) -> Errand:
    case = picks.last_noted(actor, picks.KILLED)
    paused = is_paused()
    return Errand(
        _("Kill a worker"),
        _(
            "Twelve refunds are sent, and the processes that read them are killed in the "
            "middle of one. Nothing is lost: within a minute or so its lease ends, another "
            "process reads it again, and the case says what happened."
        ),
        [
            Mark(_("Killed in the middle of a step"), done=case is not None),
            Mark(_("Its case went on"), done=case is not None and picks.went_on(case)),
        ],
        [
            Link(_("Kill a worker"), reverse("demo:kill"), act=True),
            *(
                [Link(_("Watch %(key)s") % {"key": case.key}, reverse("case", args=[case.pk]))]
                if case
                else []
            ),
            Link(
                _("Let refunds arrive") if paused else _("Pause the arrivals"),
                reverse("demo:pause"),
                act=True,
            ),
        ],
    )


def _place(decision: Decision) -> str:
    return reverse("case", args=[decision.task.case_id]) + f"#decision-{decision.pk}"


def _links(text: str, tasks: picks.Tasks, view: str = "review:task") -> list[Link]:
    """The first of these tasks, if there is any."""
    task = tasks.select_related("case").order_by("pk").first()
    if task is None:
        return []
    act = view == "demo:again"
    url = reverse(view, args=[task.pk], query=None if act else AMONG)
    return [Link(f"{text}: {task.case.key}", url, act=act)]


ERRANDS: Final[dict[str, Callable[[Workflow, Actor], Errand]]] = {
    "bea": bea,
    "ben": ben,
    "lea": lea,
    "alice": alice,
    "cara": cara,
    "dora": dora,
}
