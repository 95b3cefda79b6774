"""End a case before its end."""

from __future__ import annotations

from orchestrator import authority
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.closing import OPEN, cancel_task
from orchestrator.engine.incidents import begin, case_of, reason_given
from orchestrator.engine.unwinding import unwind
from orchestrator.exceptions import CaseClosed
from orchestrator.models import Actor, Case, CaseState, Task


def cancel_case(case_id: int, *, actor: Actor, reason: str) -> Case:
    """Stop everything that is open in a case; what steps name as their undo is done first.

    What was done outside and has no undo stays done. Raises NotFound, NotAllowed, Invalid
    without a reason, and CaseClosed.
    """
    reason = reason_given(reason)
    with acting(case_id, actor) as act:
        authority.require(actor, "cancel", act.case)
        call_off(act, reason)
    return act.case


def cancel_for(incident_id: int, *, actor: Actor, reason: str) -> Case:
    """Cancel the case of an incident that is still open. Raises what ``cancel_case`` does."""
    reason = reason_given(reason)
    with acting(case_of(incident_id), actor) as act:
        begin(act, incident_id)
        authority.require(actor, "cancel", act.case)
        call_off(act, reason)
    return act.case


def call_off(act: Act, reason: str) -> None:
    """Cancel what is open, newest effect first undone. Raises CaseClosed."""
    if act.case.state != CaseState.OPEN:
        raise CaseClosed
    open_tasks = Task.objects.filter(case=act.case, state__in=OPEN).order_by("id")
    for task_id in open_tasks.values_list("id", flat=True):
        cancel_task(act, locked_task(act, task_id))
    act.case.state = CaseState.CANCELLING
    act.case.save(update_fields=["state"])
    act.note("case.cancelling", {"case": act.case.pk}, {"reason": reason})
    unwind(act)
