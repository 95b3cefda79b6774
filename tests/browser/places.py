"""Every page of the site in a demo where something has happened: who opens it, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from integrations.demo.welcome import picks
from orchestrator.definitions import clone_to_draft
from orchestrator.models import Decision, Seat, Step, Task, Workflow, WorkflowVersion


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


def of_step(page: str) -> Callable[[], str]:
    return lambda: reverse(f"admin:orchestrator_step_{page}", args=[step().pk])


def right() -> str:
    automatic = step().rights.get(name=picks.AUTOMATIC)
    return reverse("admin:orchestrator_decisionright_change", args=[automatic.pk])


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
    Place("migrate", "alice", named("migrate", "refunds")),
    Place("home-auditor", "cara", named("home")),
    Place("cases", "cara", named("cases")),
    Place("case", "cara", decided),
    Place("case-by-rule", "cara", by_rule),
    Place("home-admin", "dora", named("home")),
    Place("filters", "bea", named("review:filters", page="queue")),
    Place("preferences", "bea", named("preferences")),
    Place("api", "", named("api:docs")),
)
