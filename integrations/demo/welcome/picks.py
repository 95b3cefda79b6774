"""The refunds that suit each person's task, and what somebody has done with them.

``truth`` picks a refund whose amount was misread; it is never shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_noop

from integrations.demo.refunds import STORE
from orchestrator import engine
from orchestrator.engine.events import first_break
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Actor, Attempt, Case, Decision, DecisionRight, Seat, Task, Workflow
from orchestrator.models.fields import ClockTimestamp

Tasks = QuerySet[Task]

LIMIT: Final = 100
AUTOMATIC: Final = "Small, covered and sure"
LOOKED: Final = 120  # seats among which the five are looked for
VERIFIED: Final = gettext_noop("The record holds")
REFUSED: Final = "Refused"
KILLED: Final = "Killed"


def decided(refunds: Workflow, actor: Actor) -> QuerySet[Decision]:
    """The actor's decisions that stand."""
    standing = Decision.objects.filter(seat__decision=F("pk"))
    return standing.filter(actor=actor, task__case__workflow=refunds)


def five(refunds: Workflow, actor: Actor, *, wanted: int, wrong: bool) -> list[Task]:
    """So many refunds that the actor may decide now, one for two people among them; one of them
    has a wrong amount if that is asked for, the others have none."""
    found = list(_free(refunds, actor))
    misread = [task for task in found if is_misread(task)][: int(wrong)]
    right = [task for task in found if not is_misread(task)]
    both = nobody_yet(refunds).select_related("case").order_by("pk")
    dual = [task for task in both[:LOOKED] if not is_misread(task)][:1]
    rest = [task for task in right if task not in dual]
    chosen = [*misread, *dual, *rest][: max(wanted, len(misread))]
    return sorted(chosen, key=lambda task: task.pk)


def _free(refunds: Workflow, actor: Actor) -> Iterator[Task]:
    seats = Seat.objects.open().filter(workflow=refunds, step_key="read", number=1)
    free = Q(claimed_by=None) | Q(claimed_by=actor) | Q(claim_expires_at__lte=ClockTimestamp())
    mine = seats.filter(free, group__name="Refund reviewers").exclude(barred__contains=[actor.pk])
    for seat in mine.select_related("task__case").order_by("pk")[:LOOKED]:
        yield seat.task


def is_misread(task: Task) -> bool:
    """Whether the proposal names another amount than is due, in a request for money."""
    true = STORE.truth().get(task.case.key, {})
    said = cast("Mapping[str, Any]", task.proposal or {})
    asked = true.get("kind") == said.get("kind") == "refund"
    return asked and bool(true["amount"] != said.get("amount"))


def large(refunds: Workflow) -> Tasks:
    """Those that take two people and are still with them."""
    tasks = Task.objects.filter(case__workflow=refunds, step_key="read", state="in_review")
    return tasks.filter(routings__action="dual", routings__round=F("round"))


def nobody_yet(refunds: Workflow) -> Tasks:
    return large(refunds).filter(decisions=None)


def somebody_else(refunds: Workflow, actor: Actor) -> Tasks:
    """Where one other person has decided."""
    others = Decision.objects.filter(task=OuterRef("pk"), seat__decision=F("pk"))
    return large(refunds).filter(Exists(others.exclude(actor=actor)), ~Exists(_of(actor)))


def only_mine(refunds: Workflow, actor: Actor) -> Tasks:
    """Where the actor has decided and a second person is waited for."""
    return large(refunds).filter(Exists(_of(actor)))


def _of(actor: Actor) -> QuerySet[Decision]:
    return Decision.objects.filter(task=OuterRef("pk"), actor=actor, seat__decision=F("pk"))


def for_two(refunds: Workflow, actor: Actor, *, second: bool) -> QuerySet[Decision]:
    """The actor's decisions on large refunds, those as the second or as the first."""
    mine = decided(refunds, actor).filter(
        task__routings__action="dual", task__routings__round=F("round")
    )
    before = Decision.objects.filter(
        task=OuterRef("task"), round=OuterRef("round"), pk__lt=OuterRef("pk")
    )
    earlier = Exists(before.filter(seat__decision=F("pk")).exclude(actor=actor))
    return mine.filter(earlier) if second else mine.exclude(earlier)


def for_leads(refunds: Workflow) -> Tasks:
    waiting = Seat.objects.open().filter(workflow=refunds, group__name="Refund leads")
    return Task.objects.filter(pk__in=waiting.values("task"))


def limit_of(refunds: Workflow) -> float | None:
    """Up to which amount the published version pays on its own; None when it never does."""
    rules = DecisionRight.objects.filter(step__version=refunds.published_version, mode="auto")
    rule = rules.filter(name=AUTOMATIC).first()
    clauses = (rule.condition or {}).get("all", []) if rule else []
    return next((c["value"] for c in clauses if c.get("fact") == "output/amount"), None)


def by_rule(refunds: Workflow) -> Decision | None:
    """A refund that the rules have approved on their own."""
    approved = Decision.objects.filter(
        via__startswith="rule:", word="approved", output__isnull=False
    )
    read = approved.filter(task__case__workflow=refunds, task__routings__right__name=AUTOMATIC)
    return read.select_related("task__case").order_by("pk").first()


def verify(case: Case, user: User) -> str:
    """Check the chain of a case; what was found, which the admin's log keeps."""
    link = first_break(case)
    found = f"Link {link} is missing or was altered" if link else VERIFIED
    return note(case, user, f"{found}: {case.seq} events, each sealed with the one before.")


def refusal(task: Task, user: User) -> str:
    """Try to take a task once more; why that is refused, which the admin's log keeps, or ""."""
    try:
        engine.claim(task.pk, actor=Actor.objects.for_user(user))
    except NotAllowed as refused:
        return note(task.case, user, f"{REFUSED}: {refused.message}")
    return ""


def note(case: Case, user: User, said: str) -> str:
    LogEntry.objects.create(
        user=user,
        content_type=ContentType.objects.get_for_model(Case),
        object_id=str(case.pk),
        object_repr=case.key,
        action_flag=CHANGE,
        change_message=said,
    )
    return said


def noted(actor: Actor, said: str) -> bool:
    """Whether the log says this of the actor."""
    return LogEntry.objects.filter(user=actor.user, change_message__startswith=said).exists()


def last_noted(actor: Actor, said: str) -> Case | None:
    """The case of which the log says this last, as an act of the actor."""
    entries = LogEntry.objects.filter(user=actor.user, change_message__startswith=said)
    last = entries.order_by("-pk").first()
    return Case.objects.filter(pk=int(last.object_id or 0)).first() if last else None


def went_on(case: Case) -> bool:
    """Whether a step of the case lost its worker and is over or with people now."""
    lost = Attempt.objects.filter(task__case=case, error__kind="lost")
    return lost.exclude(task__state__in=("ready", "running")).exists()
