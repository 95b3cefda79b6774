"""What follows a decision: verdicts, the case file, the next step, the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection, transaction

from orchestrator.diffing import diff, digest, material
from orchestrator.engine import reconciling, rework
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.bench import route_of, routed_to
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.moving import NOTHING, advance, next_step
from orchestrator.engine.scopes import merged, writes_of
from orchestrator.engine.sweeping import reach, swept
from orchestrator.models import (
    MACHINE,
    Attempt,
    Decision,
    Routing,
    Task,
    TaskState,
    Verdict,
    VerdictSource,
    Word,
)
from orchestrator.models.fields import ClockOnce
from orchestrator.models.rows import insert_beside, new, store
from orchestrator.models.statements import Joined

CONSENT: Final = "consent"
"""``Decision.via`` of a consent that was carried over into a round its author opened."""

# Who writes verdicts holds this shared; a reader that takes it alone knows that no smaller
# id can still appear.
_VERDICTS: Final = 7063
WRITING: Final = f"pg_advisory_xact_lock_shared({_VERDICTS}, 0)"


def finish(
    act: Act,
    task: Task,
    word: str,
    output: Any,
    decisions: Sequence[Decision] = (),
    *,
    said: Mapping[str, Any] = NOTHING,
    authors: Mapping[str, Any] = NOTHING,
) -> None:
    """Complete a task with what was decided, write the case file and lead the case on.

    ``decisions`` are the standing ones, oldest first; none for a step that nobody judges.
    ``said`` are facts for the exits that only this step has, ``authors`` says who wrote what
    where that was not this task. Inside a branch the case file is left to its join.
    """
    task.word = word
    if task.compensates_id and word == Word.REJECTED and _said_nobody(act, decisions):
        _not_undone(act, task)
        return
    target = next_step(act, task, word, output, said)
    if target is None and word != Word.REJECTED and task.compensates_id is None:
        _stuck(act, task, output)
        return
    _close(act, task, output, decisions)
    if not task.scope and task.compensates_id is None:
        _write_case(act, task, output, authors)
    advance(act, (target, task))


def _close(act: Act, task: Task, output: Any, decisions: Sequence[Decision]) -> None:
    task.output = output
    complete(act, task, output, _verdicts(act, task, decisions))
    act.note("task.settled", {"task": task.pk}, {"word": task.word, "output": digest(output)})


def complete(act: Act, task: Task, output: Any, verdicts: Sequence[Verdict] = ()) -> None:
    task.state, task.output, task.finished_at = TaskState.COMPLETED, output, act.now
    task.lease_expires_at = task.settle_at = None
    columns = ("state", "word", "output", "lease_expires_at", "settle_at", "finished_at")
    if verdicts:
        insert_beside(task, *columns, new=verdicts, after=WRITING)
    else:
        store(task, *columns)


def _said_nobody(act: Act, decisions: Sequence[Decision]) -> bool:
    """Whether only the version itself decided: its time-out, or a rule that blocks."""
    return all(decision.actor_id == act.definition.policy.pk for decision in decisions)


def _not_undone(act: Act, task: Task) -> None:
    """What was done would stay done, and nobody would know."""
    task.save(update_fields=["word"])
    done = task.compensates.step.name if task.compensates else ""
    message = f"{task.step.name} was rejected by no person: {done} is not undone."
    open_incident(act, task, "not_undone", message)


def _stuck(act: Act, task: Task, output: Any) -> None:
    """Nothing leads on. What a machine did is kept: trying again must not do it twice."""
    if task.step.kind in MACHINE and task.proposal is None:
        task.proposal = output
    task.save(update_fields=["word", "round", "proposal"])
    message = f"No transition leads on from {task.step.name} with this output."
    open_incident(act, task, "stuck", message)


def _write_case(act: Act, task: Task, output: Any, authors: Mapping[str, Any]) -> None:
    writes = writes_of(task, task.word, output)
    wrote = {"task": task.pk, "step": task.step_key, "word": task.word}
    act.case.data = merged(act.case.data, writes)
    act.case.provenance = act.case.provenance | dict.fromkeys(writes, wrote) | authors
    act.changed |= {"data", "provenance"}


def _verdicts(act: Act, task: Task, decisions: Sequence[Decision]) -> list[Verdict]:
    """One verdict for each standing decision; people's last one on the first output is evidence.

    What a rule or a time-out decided says nothing of how good the output was.
    """
    judged = [decision for decision in decisions if decision.via != CONSENT]
    people = [row for row in judged if row.actor_id != act.definition.policy.pk]
    evidence = [row.pk for row in people if row.round == 1][-1:]
    return [_verdict(act, task, row, evidence=row.pk in evidence) for row in judged]


def _verdict(act: Act, task: Task, decision: Decision, *, evidence: bool) -> Verdict:
    routed = route_of(decision)
    raw, counts = _errors(task, routed.attempt.output if routed.attempt else None)
    by_policy = decision.actor_id == act.definition.policy.pk
    return new(
        Verdict,
        decision=decision,
        routing=routed,
        workflow_id=act.case.workflow_id,
        source=VerdictSource.AUTO if by_policy else VerdictSource.REVIEW,
        error=counts,
        raw_error=raw,
        evidence=evidence and routed.attempt is not None,
    )


def _errors(task: Task, proposed: Any) -> tuple[bool, bool]:
    """Whether the output was wrong at all, and whether in a field that counts."""
    if task.word not in (Word.APPROVED, Word.CORRECTED):
        return True, True
    changes = diff(proposed, task.output)
    return bool(changes), bool(material(changes, task.step.material))


STANDING: Final = Joined(
    """
    SELECT {decision}, {routed}, {attempt} FROM orchestrator_decision AS decision
    JOIN orchestrator_routing AS routed
        ON routed.task_id = decision.task_id AND routed.round = decision.round
    LEFT JOIN orchestrator_attempt AS attempt ON attempt.id = routed.attempt_id
    LEFT JOIN orchestrator_seat AS seat ON seat.id = decision.seat_id
    WHERE decision.task_id = %s AND (
        decision.seat_id IS NULL OR seat.decision_id = decision.id AND seat.purpose <> 'reconcile'
    )
    ORDER BY decision.id
    """,
    decision=Decision,
    routed=Routing,
    attempt=Attempt,
)


def standing(task: Task) -> list[Decision]:
    """The decisions on the output: those their seats point at, and the rules' own."""
    found = STANDING.all([task.pk])
    for row in found:
        routed_to(*row)
    return [decision for decision, *_ in found]


def settle(act: Act, task: Task, decisions: Sequence[Decision] = ()) -> None:
    """Let what was decided take effect: at the end of the undo window, or at once without one.

    ``decisions`` are the standing ones where the caller knows them.
    """
    if reconciling.settled(act, task):
        return
    decisions = decisions or standing(task)
    if back := rework.sent_back(decisions):
        _close(act, task, None, decisions)
        rework.go_back(act, task, back)
    else:
        finish(act, task, task.word, task.output, decisions)


def settle_due(limit: int = 200) -> int:
    """Settle tasks whose undo window is over, oldest first; returns how many were settled."""
    rows = Task.objects.filter(state=TaskState.DECIDED, settle_at__lte=ClockOnce())
    return len(
        swept(
            _settle_one,
            list(rows.order_by("settle_at").values_list("id")[: reach(_settle_one, limit)]),
        )
    )


def _settle_one(task_id: int) -> bool:
    with acting_on(task_id) as (act, task):
        is_due = bool(
            task.state == TaskState.DECIDED and task.settle_at and task.settle_at <= act.now
        )
        if is_due:
            settle(act, task)
    return is_due


def verdict_watermark() -> int:
    """The highest verdict id below which nothing can appear any more; waits some milliseconds."""
    # The lock of a transaction, not of a session: a pooler may change sessions in between.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_VERDICTS])
        cursor.execute("SELECT COALESCE(max(id), 0) FROM orchestrator_verdict")
        return int(cursor.fetchone()[0])
