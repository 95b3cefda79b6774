"""A queue of seats, written as the engine would: for tests of rights and claims."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from orchestrator.models import Actor, Case, Seat, Step, Task, Workflow, WorkflowVersion

ALWAYS = (datetime(2000, 1, 1, tzinfo=timezone.get_default_timezone()), None)


def person(name: str, *groups: str, superuser: bool = False) -> Actor:
    """A user in these groups, as an actor."""
    user = User.objects.create_user(name, is_superuser=superuser)
    user.groups.set([group(name) for name in groups])
    return Actor.objects.for_user(user)


def group(name: str) -> Group:
    return Group.objects.get_or_create(name=name)[0]


def workflow(slug: str = "expenses", team: str = "Expense team", **step: Any) -> Workflow:
    """A workflow with a draft of one step, ``read``, that its team sees."""
    made = Workflow.objects.create(slug=slug, name=slug.title())
    made.groups.add(group(team))
    owner = User.objects.get_or_create(username="accountable")[0]
    version = WorkflowVersion.objects.create(workflow=made, number=1, accountable=owner)
    made_up = {"key": "read", "position": 1, "name": "Read", "kind": "agent", "limit": "/amount"}
    Step.objects.create(version=version, **made_up | step)
    return made


def task(workflow: Workflow, key: str) -> Task:
    """A task in review, without seats."""
    version = workflow.versions.get()
    step = version.steps.get()
    system = Actor.objects.get_or_create(kind="system", name="intake")[0]
    case = Case.objects.create(workflow=workflow, version=version, key=key, initiator=system)
    return Task.objects.create(
        case=case, step=step, step_key=step.key, state="in_review", round=1, effect_key=f"{case.pk}"
    )


def seat(
    workflow: Workflow,
    key: str,
    *,
    due: int = 0,
    demand: int | None = 100,
    deciders: str = "Expense reviewers",
    of: Task | None = None,
    **columns: Any,
) -> Seat:
    """A seat due ``due`` minutes from now, of a new task unless ``of`` names one."""
    judged = of or task(workflow, key)
    return Seat.objects.create(
        task=judged,
        round=judged.round,
        number=judged.seats.count() + 1,
        workflow=workflow,
        step_key=judged.step_key,
        group=group(deciders),
        due_at=timezone.now() + timedelta(minutes=due),
        demand=None if demand is None else Decimal(demand),
        **columns,
    )
