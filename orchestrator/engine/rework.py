"""A case goes back: to an earlier step, which is told why.

What was sent back once is never approved by a rule: neither what the earlier step does anew,
nor the next output of the step that it was sent back from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator import authority
from orchestrator.engine.acts import Act
from orchestrator.engine.bench import bench_of
from orchestrator.engine.clocks import keep_for
from orchestrator.engine.opening import open_task
from orchestrator.engine.preferring import SENT_BACK, sendings_back
from orchestrator.models import (
    Actor,
    ActorKind,
    CaseState,
    Correction,
    Decision,
    Seat,
    Step,
    StepKind,
    Task,
    TaskState,
)

VISITS: Final = 3
"""How often a case comes to a step in all, where ``rework`` does not say."""


def most_visits(step: Step) -> int:
    return int(step.rework.get("visits", VISITS))


def visits_of(task: Task, to: str) -> int:
    """How often the case came to a step so far, in the task's branch."""
    return Task.objects.filter(case=task.case_id, step_key=to, scope=task.scope).count()


def sent_back(decisions: Sequence[Decision]) -> Decision | None:
    """The one of these decisions that sends the case back; None where none does."""
    return next((row for row in reversed(decisions) if SENT_BACK in row.proof), None)


def was_returned(task: Task) -> bool:
    """Whether people asked for this to be done anew: no rule approves it. May query."""
    if task.brief and task.brief.get("from"):
        return True
    if not task.step.rework or task.visit == 1:
        return False
    return sendings_back(task).exists()


def go_back(act: Act, task: Task, decision: Decision) -> None:
    """Open the next visit of the step that the decision names, with its brief.

    A person who did it before is asked first.
    """
    if act.case.state != CaseState.OPEN:
        return
    target = act.definition.steps[decision.proof[SENT_BACK]["to"]]
    before = _before(task, target)
    opened = open_task(
        act, target, scope=task.scope, join=task.parent_id, brief=_brief(task, decision, before)
    )
    if target.kind == StepKind.HUMAN and before is not None:
        _ask_again(act, opened, before)


def _before(task: Task, target: Step) -> Task | None:
    """The last visit of the step that was completed."""
    rows = Task.objects.filter(case=task.case_id, step_key=target.key, scope=task.scope)
    return rows.filter(state=TaskState.COMPLETED).order_by("-visit").first()


def _brief(task: Task, decision: Decision, before: Task | None) -> dict[str, Any]:
    proof: Mapping[str, Any] = decision.proof[SENT_BACK]
    return {
        "instructions": proof["instructions"],
        "comment": decision.comment,
        "from": {"step": task.step_key, "name": task.step.name},
        "by": decision.actor_id,
        "at": decision.created_at.isoformat(),
        "reasons": _reasons(task),
        "corrections": _corrections(task),
        "output": _output_of(before) if before else None,
        "reviewed": task.proposal,
    }


def _output_of(task: Task) -> Any:
    """What the step gave last time: what was under review where nothing came of it."""
    return task.proposal if task.output is None else task.output


def _reasons(task: Task) -> dict[str, str]:
    """The codes that anybody gave, by pointer; the latest counts, and none that was taken back."""
    rows = task.decisions.filter(filled__isnull=False).order_by("id")
    said = rows.values_list("reasons", flat=True)
    return {path: code for row in said for path, code in row.items()}


def _corrections(task: Task) -> list[dict[str, Any]]:
    stands = {"decision__task": task, "decision__filled__isnull": False}
    rows = Correction.objects.filter(**stands).order_by("id")
    return [dict(row) for row in rows.values("path", "op", "before", "after", "reason")]


def _ask_again(act: Act, opened: Task, before: Task) -> None:
    """Who did it last time knows it best, and has it first for a while."""
    last = before.decisions.filter(filled__isnull=False).order_by("-id").first()
    seat = Seat.objects.open().filter(task=opened).order_by("number").first()
    if last is None or seat is None:
        return
    person = Actor.objects.get(pk=last.actor_id)
    right = bench_of(act, opened, seat).right
    if person.kind == ActorKind.HUMAN and authority.may(person, "decide", seat).allowed:
        keep_for(act, seat, right, person)
