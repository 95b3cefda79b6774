"""Subflows: a step that is a whole case of another workflow.

Each case learns of the other's end by a timer. Two are locked together only to call off what was
called, and always the caller first.
"""

from __future__ import annotations

from typing import Any, Final

from orchestrator.engine.acts import Act, acting
from orchestrator.engine.cancelling import call_off
from orchestrator.engine.closing import CALL_OFF, CALLED
from orchestrator.engine.finishing import finish
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.opening import begins
from orchestrator.engine.scopes import input_of
from orchestrator.engine.starting import start_called
from orchestrator.engine.timers import fires
from orchestrator.exceptions import Invalid, NotFound
from orchestrator.models import Case, CaseState, StepKind, Task, TaskState, Workflow
from orchestrator.models.rows import store

DEEPEST: Final = 8


@begins(StepKind.SUBFLOW)
def call(act: Act, task: Task) -> None:
    """Begin a case of the other workflow, under its published version, with the mapped input."""
    slug = task.step.flow["workflow"]
    try:
        workflow = _callable(act.case, slug)
        data = input_of(task, act.case)
        case = start_called(workflow, task=task, initiator=act.case.initiator, data=data)
    except (Invalid, NotFound) as error:
        open_incident(act, task, "not_called", f"{task.step.name}: {_said(error)}")
    else:
        act.note("case.called", {"task": task.pk, "called": case.pk}, {"workflow": slug})


def _said(error: Invalid | NotFound) -> str:
    problems = [f"{row['path']}: {row['message']}" for row in error.details.get("problems", [])]
    return "; ".join(problems) or error.message


def _callable(case: Case, slug: str) -> Workflow:
    workflow = Workflow.objects.filter(slug=slug).first()
    if workflow is None:
        raise NotFound(f"There is no workflow {slug}.")
    depth, caller = 1, case.caller
    while caller is not None:
        depth, caller = depth + 1, caller.case.caller
    if depth > DEEPEST:
        raise Invalid(f"Workflows call each other more than {DEEPEST} deep.")
    return workflow


@fires(CALLED)
def take(act: Act, task: Task) -> None:
    """The called case has ended: its data and outcome are the output of the step."""
    called = Case.objects.filter(caller=task).order_by("-id").first()
    if task.state != TaskState.WAITING or called is None:
        return
    if called.state == CaseState.CANCELLED:
        message = f"The case that {task.step.name} called was cancelled."
        open_incident(act, task, "call_cancelled", message, case=called.pk)
    elif called.completed_at is not None:
        output: dict[str, Any] = {"outcome": called.outcome, "data": called.data}
        finish(act, task, "", output, said={"outcome": called.outcome})


def lead_on(act: Act, task: Task) -> None:
    """Have a call that led nowhere lead on: what it called has ended, and is not begun again."""
    task.state = TaskState.WAITING
    store(task, "state")
    take(act, task)


@fires(CALL_OFF)
def cancel_called(_act: Act, task: Task) -> None:
    """What a cancelled step called is not wanted any more."""
    called = Case.objects.filter(caller=task, state=CaseState.OPEN)
    for case_id in called.values_list("id", flat=True):
        with acting(case_id) as inner:
            # It may have ended before its lock was had.
            if inner.case.state == CaseState.OPEN:
                call_off(inner, "Its caller was cancelled.")
