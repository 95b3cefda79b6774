"""The stop switch: after its acknowledgement nothing more is approved automatically."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection, transaction

from orchestrator import authority
from orchestrator.engine import events
from orchestrator.engine.incidents import reason_given
from orchestrator.models import Actor, Workflow

CHANGES: Final = "changes"
"""The slug of the built-in workflow that stands for all of them."""

# The first number of the pair keeps these locks apart from others; 0 stands for everything.
_LOCKS: Final = 7061


def changes() -> Workflow:
    """The built-in workflow; made on first sight."""
    return Workflow.objects.get_or_create(slug=CHANGES, defaults={"name": "Changes"})[0]


@transaction.atomic
def halt(workflow: Workflow | None, *, actor: Actor, reason: str) -> datetime:
    """Stop automatic approval in one workflow, or everywhere with None; returns since when.

    Waits until what is being approved at this moment is through.
    """
    authority.require(actor, "halt", workflow)
    reason = reason_given(reason)
    _wait_for_approvals(0 if workflow is None else workflow.pk)
    stopped, now = events.locked(Workflow, (workflow or changes()).pk)
    if stopped.halted_at:
        return stopped.halted_at
    stopped.halted_at = now
    entry = events.Entry(
        "workflow.halted",
        actor,
        {"workflow": stopped.pk},
        {"everywhere": workflow is None, "reason": reason},
    )
    events.append(stopped, now, [entry], also=["halted_at"])
    return now


@transaction.atomic
def resume(workflow: Workflow | None, *, actor: Actor) -> None:
    """Let the rules approve again."""
    authority.require(actor, "halt", workflow)
    stopped, now = events.locked(Workflow, (workflow or changes()).pk)
    if stopped.halted_at is None:
        return
    stopped.halted_at = None
    entry = events.Entry(
        "workflow.resumed", actor, {"workflow": stopped.pk}, {"everywhere": workflow is None}
    )
    events.append(stopped, now, [entry], also=["halted_at"])


def halted(workflow: Workflow | None) -> datetime | None:
    """Since when the rules of a workflow approve nothing: its own stop or the one everywhere."""
    slugs = [CHANGES] if workflow is None else [CHANGES, workflow.slug]
    rows = Workflow.objects.filter(slug__in=slugs, halted_at__isnull=False)
    return rows.values_list("halted_at", flat=True).order_by("halted_at").first()


def may_approve(workflow: Workflow) -> bool:
    """Whether rules may approve until this transaction ends: a stop waits for that."""
    hold_stop(workflow.pk)
    return halted(workflow) is None


def hold_stop(workflow_id: int) -> None:
    """Have every stop of this workflow wait until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock_shared(%(space)s, 0),"
            " pg_advisory_xact_lock_shared(%(space)s, %(workflow)s)",
            {"space": _LOCKS, "workflow": workflow_id},
        )


def _wait_for_approvals(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCKS, number])
