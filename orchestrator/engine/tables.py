"""Decision tables: the first row that holds says the output. No agent, no person, no worker."""

from __future__ import annotations

from typing import Any

from orchestrator import conditions
from orchestrator.engine.acts import Act
from orchestrator.engine.finishing import finish
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.opening import begins
from orchestrator.engine.scopes import data_of
from orchestrator.models import Attempt, StepKind, Task
from orchestrator.models.rows import insert


@begins(StepKind.DECISION)
def decide_by_table(act: Act, task: Task) -> None:
    """A row whose condition is unknown does not hold; where none does, a person looks."""
    facts = {"case": data_of(task, act.case), "initiator": str(act.case.initiator)}
    why: list[dict[str, Any]] = []
    for number, row in enumerate(task.step.flow["rows"], start=1):
        trace = conditions.evaluate(row.get("when"), facts)
        why.append({"row": number, **trace.as_json()})
        if trace.truth is True:
            _write(act, task, why, row["output"])
            return
    message = f"No row of {task.step.name} holds."
    open_incident(act, task, "undecided", message, why=why)


def _write(act: Act, task: Task, why: list[dict[str, Any]], output: Any) -> None:
    task.attempts += 1
    attempt = Attempt(
        task=task,
        number=task.attempts,
        actor=act.definition.policy,
        input={"rows": why},
        output=output,
        started_at=act.now,
        finished_at=act.now,
    )
    insert(attempt)
    task.save(update_fields=["attempts"])
    act.note(
        "attempt.finished",
        {"task": task.pk, "attempt": attempt.pk},
        {"number": attempt.number, "row": len(why)},
        actor=act.definition.policy,
    )
    finish(act, task, "", output)
