"""What was taken away: written when an export is whole, read by who sees all of its workflows."""

from __future__ import annotations

from typing import Final

from orchestrator.models import Actor, Workflow
from review.feedback.exporting import Outgoing
from review.models import Export

LISTED: Final = 20


def note(outgoing: Outgoing, *, actor: Actor | None) -> None:
    """Write down an export whose last row has gone out; one of no workflow leaves no trace."""
    if not outgoing.query.workflows:
        return
    Export.objects.create(
        actor=actor,
        workflows=list(outgoing.query.workflows),
        format=outgoing.format,
        filter=dict(outgoing.query.asked or {}),
        rows=outgoing.rows,
        sha256=outgoing.sha256.hexdigest(),
        cursor=outgoing.cursor,
        created_at=outgoing.begun,
    )


def history(workflows: list[Workflow]) -> list[Export]:
    """The last exports of nothing but these workflows, the newest first."""
    ids = [workflow.pk for workflow in workflows]
    found = Export.objects.filter(workflows__contained_by=ids).order_by("-pk")
    return list(found.select_related("actor__user")[:LISTED])
