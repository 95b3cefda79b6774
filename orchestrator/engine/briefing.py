"""What the performer of a task is told besides its input: why it is done anew, and what was said.

Names of people are left out: an agent outside needs what they said, not who they are.
"""

from __future__ import annotations

from typing import Any, Final

from django.db.models import F, Q

from orchestrator.models import ActorKind, Decision, Task, TaskState

ASKS: Final = "brief"
"""Where ``call`` of a step says that it wants to know what was decided before."""

MOST_DECISIONS: Final = 50


def brief_of(task: Task) -> dict[str, Any] | None:
    """``{sent_back?, history?, provenance?}``, None where there is nothing to tell.

    ``sent_back`` is there whenever the task was sent back; the others where the step asks for
    them: ``history`` are the decisions that stand, oldest first and at most 50, ``provenance``
    says of each path of the case file which step wrote it and how that was decided. The task
    comes with its case and step; may query.
    """
    told: dict[str, Any] = {}
    if task.brief:
        told["sent_back"] = {name: value for name, value in task.brief.items() if name != "by"}
    if task.step.call.get(ASKS):
        told["history"] = _history(task)
        told["provenance"] = _provenance(task)
    return told or None


def _history(task: Task) -> list[dict[str, Any]]:
    """What was decided in this branch and around it; of what was taken back nothing."""
    stands = Q(seat=None) | Q(seat__decision=F("id"))
    rows = Decision.objects.filter(
        stands,
        task__case=task.case_id,
        task__state=TaskState.COMPLETED,
        task__scope__in=_around(task.scope),
    )
    along = rows.select_related("task", "actor").prefetch_related("corrections")
    return [_told(row) for row in reversed(along.order_by("-id")[:MOST_DECISIONS])]


def _around(scope: str) -> list[str]:
    parts = scope.split("/") if scope else []
    return ["/".join(parts[:count]) for count in range(len(parts) + 1)]


def _told(row: Decision) -> dict[str, Any]:
    return {
        "step": row.task.step_key,
        "visit": row.task.visit,
        "decision": row.word,
        "by": "rule" if row.actor.kind == ActorKind.POLICY else "person",
        "comment": row.comment,
        "reasons": row.reasons,
        "corrections": [
            {
                "path": change.path,
                "op": change.op,
                "before": change.before,
                "after": change.after,
                "reason": change.reason,
            }
            for change in row.corrections.all()
        ],
        "at": row.created_at.isoformat(),
    }


def _provenance(task: Task) -> dict[str, Any]:
    wanted = ("step", "word", "signal")
    return {
        path: {name: wrote[name] for name in wanted if wrote.get(name)}
        for path, wrote in task.case.provenance.items()
    }
