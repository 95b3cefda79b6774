"""Another input for a step that failed, put there by a person."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.diffing import digest
from orchestrator.engine import doubting
from orchestrator.engine.acts import Act, acting
from orchestrator.engine.incidents import begin, case_of, close
from orchestrator.engine.resolving import begin_anew
from orchestrator.engine.scopes import input_of
from orchestrator.exceptions import Invalid
from orchestrator.models import MACHINE, Actor, StepKind, Task

TAKES_INPUT: Final = MACHINE | {StepKind.SUBFLOW}


def give_input(incident_id: int, *, actor: Actor, given: dict[str, Any] | None) -> None:
    """Have the step tried again with this input, with None with what the case file has again.

    The case file stays as it is, and so does the key of what the step does outside; the record
    tells by digests that the input changed. Raises NotFound, NotAllowed, and Invalid for a step
    that takes none, or whose write was made or may have been.
    """
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        _check(task)
        before, task.given = input_of(task, act.case), given
        _note(act, task, incident.pk, before)
        close(act, incident, "retried")
        task.save(update_fields=["given"])
        begin_anew(act, task)


def _check(task: Task) -> None:
    if task.step.kind not in TAKES_INPUT:
        raise Invalid(_("This step takes no input that could be edited."))
    if doubting.is_sent(task.pk):
        raise Invalid(
            _("This write may have happened with the old input: hand it over to find out first.")
        )
    if doubting.is_made(task.pk):
        raise Invalid(
            _("This write was made with the old input: try again to go on, or cancel the case.")
        )


def _note(act: Act, task: Task, incident: int, before: Any) -> None:
    payload = {"before": digest(before), "after": digest(input_of(task, act.case))}
    act.note("input.replaced", {"task": task.pk, "incident": incident}, payload)
