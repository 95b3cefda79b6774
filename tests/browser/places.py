"""Every page of the site in a demo where something has happened: who opens it, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from integrations.demo.welcome import picks
from orchestrator import engine
from orchestrator.definitions import clone_to_draft
from orchestrator.models import (
    Bulk,
    Case,
    Decision,
    Incident,
    Seat,
    Step,
    Task,
    Workflow,
    WorkflowVersion,
)
from tests.orchestrator.flows import begun, published
from tests.orchestrator.test_flow_paper import FILE
from tests.orchestrator.troubles import done_to_many
from tests.world import actor


@dataclass(frozen=True, slots=True)
class Place:
    """One page. ``who`` is "" for somebody who is signed out; ``at`` is asked when it is opened."""

    name: str
    who: str
    at: Callable[[], str]


def named(name: str, *args: object, **query: str) -> Callable[[], str]:
    return lambda: reverse(name, args=args, query=query or None)


def refunds() -> Workflow:
    return Workflow.objects.get(slug="refunds")


def waiting(who: str) -> str:
    """What bea has claimed."""
    seat = Seat.objects.open().get(claimed_by__user__username=who, workflow__slug="refunds")
    return reverse("review:task", args=[seat.task_id])


def decided() -> str:
    """A case that somebody has corrected."""
    decision = Decision.objects.filter(word="corrected").latest("pk")
    return reverse("case", args=[decision.task.case_id])


def by_rule() -> str:
    decision = picks.by_rule(refunds())
    assert decision
    return reverse("case", args=[decision.task.case_id])


def draft() -> WorkflowVersion:
    """The draft of the refunds, made where there is none."""
    found = WorkflowVersion.objects.filter(workflow=refunds(), published_at=None).first()
    published = refunds().published_version
    assert published
    return found or clone_to_draft(published)


def step() -> Step:
    return draft().steps.get(key="read")


def image() -> str:
    """A task whose evidence is an image."""
    task = Task.objects.filter(case__workflow__slug="digits", state="in_review").earliest("pk")
    return reverse("review:task", args=[task.pk])


def assignable() -> str:
    """An open seat of the refunds, to hand to somebody."""
    seat = Seat.objects.open().filter(workflow__slug="refunds", claimed_by=None).earliest("pk")
    return reverse("assign_seat", args=[seat.pk])


def in_trouble(page: str) -> Callable[[], str]:
    """A page about an incident that is open."""
    return lambda: reverse(page, args=[Incident.objects.filter(state="open").latest("pk").pk])


def at_once() -> str:
    """What was done to several incidents at once."""
    return reverse("bulk", args=[Bulk.objects.get(verb="retry_incidents").pk])


def ends() -> tuple[WorkflowVersion, WorkflowVersion]:
    """The first two versions of the digits."""
    first, second = WorkflowVersion.objects.filter(workflow__slug="digits").order_by("number")
    return first, second


def taken_over() -> str:
    """How the digits went over to their second version; they do when it is first asked."""
    found = Bulk.objects.filter(verb=engine.MIGRATE).first()
    if found is None:
        plan = engine.plan_of(*ends(), engine.same_steps(*ends()))
        found = engine.migrate(plan, actor=actor("alice"))
        done_to_many()
    return reverse("migration", args=["digits", found.pk])


def signal() -> str:
    """A case that waits for a signal, of a workflow that is not of the demo."""
    case = Case.objects.filter(workflow__slug="orders").first()
    case = case or begun(published(FILE), {"country": "DE", "lines": [{"name": "tea"}]}, "O-1")
    return reverse("bring_signal", args=[case.pk])


def of_step(page: str) -> Callable[[], str]:
    return lambda: reverse(f"admin:orchestrator_step_{page}", args=[step().pk])


def right() -> str:
    automatic = step().rights.get(name=picks.AUTOMATIC)
    return reverse("admin:orchestrator_decisionright_change", args=[automatic.pk])


PLAN: Final = {"from": "1", "to": "2", "run": "1"} | {
    f"step.{key}": key for key in ("read", "entered", "unreadable")
}
"""Of the digits: each step stays what it is."""

PLACES: Final = (
    Place("welcome", "", named("demo:welcome")),
    Place("sign-in", "", named("account_login")),
    Place("home-reviewer", "bea", named("home")),
    Place("queue", "bea", named("review:queue")),
    Place("task", "bea", lambda: waiting("bea")),
    Place("task-image", "ben", image),
    Place("home-lead", "lea", named("home")),
    Place("assign", "lea", assignable),
    Place("incidents", "lea", named("incidents")),
    Place("edit-input", "lea", in_trouble("edit_input")),
    Place("hand-over", "lea", in_trouble("hand_over")),
    Place("bulk", "lea", at_once),
    Place("home-owner", "alice", named("home")),
    Place("workflows", "alice", named("workflows")),
    Place("workflow", "alice", named("workflow", "refunds")),
    Place("insights", "alice", named("insights", workflow="refunds")),
    Place("exports", "alice", named("review:exports", workflow="refunds")),
    Place("admin", "alice", named("admin:index")),
    Place(
        "admin-version",
        "alice",
        lambda: reverse("admin:orchestrator_workflowversion_change", args=[draft().pk]),
    ),
    Place(
        "admin-step",
        "alice",
        lambda: reverse("admin:orchestrator_step_change", args=[step().pk]),
    ),
    Place("admin-rule", "alice", right),
    Place("admin-tester", "alice", of_step("try")),
    Place("admin-schema", "alice", of_step("schema")),
    Place("migrate", "alice", named("migrate", "digits", **PLAN)),
    Place("migration", "alice", taken_over),
    Place("home-auditor", "cara", named("home")),
    Place("cases", "cara", named("cases")),
    Place("case", "cara", decided),
    Place("case-by-rule", "cara", by_rule),
    Place("home-admin", "dora", named("home")),
    Place("filters", "bea", named("review:filters", page="queue")),
    Place("preferences", "bea", named("preferences")),
    Place("api", "", named("api:docs")),
)
"""Those of the tour, which has a picture of each."""

ASIDE: Final = (
    Place("password-forgotten", "", named("account_reset_password")),
    Place("password-sent", "", named("account_reset_password_done")),
    Place("password-new", "", named("account_reset_password_from_key", "x", "x")),
    Place("password-done", "", named("account_reset_password_from_key_done")),
    Place("email-unknown", "", named("account_confirm_email", "x")),
    Place("email-sent", "", named("account_email_verification_sent")),
    Place("sign-up", "", named("account_signup")),
    Place("inactive", "", named("account_inactive")),
    Place("second-factor", "bea", named("mfa_index")),
    Place("email", "bea", named("account_email")),
    Place("password", "bea", named("account_change_password")),
    Place("once-more", "bea", named("account_reauthenticate")),
    Place("signal", "alice", signal),
)
"""Pages that the tour leaves out."""
