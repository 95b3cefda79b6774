"""What a person does about an incident."""

from __future__ import annotations

from orchestrator import authority, routing
from orchestrator.diffing import same
from orchestrator.engine.acts import Act, acting
from orchestrator.engine.failing import again
from orchestrator.engine.finishing import advance, complete, next_step
from orchestrator.engine.incidents import begin, case_of, close, reason_given
from orchestrator.engine.judging import apply_rules, asked_right
from orchestrator.engine.opening import ask, facts_of, offer, record_route
from orchestrator.exceptions import Invalid
from orchestrator.models import Actor, Attempt, Mode, Step, StepKind, Task, Word

# Of these the output is there; what is missing is somebody who may decide it.
_UNDECIDED = frozenset({"nobody", "split", "escalated", "stuck"})


def retry(incident_id: int, *, actor: Actor) -> None:
    """Have the step tried again: by the machine, or by asking people once more.

    Raises NotFound and NotAllowed.
    """
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        close(act, incident, "retried")
        if task.step.kind == StepKind.HUMAN:
            ask(act, task)
        elif incident.kind in _UNDECIDED and task.proposal is not None:
            _judge_again(act, task, incident.kind)
        else:
            task.proposal, task.crashes = None, 0
            again(act, task)


def _judge_again(act: Act, task: Task, kind: str) -> None:
    """Bring the last output before people in a new round.

    What nobody was there to decide, as while automatic approval was stopped, the rules judge
    anew; not what people have corrected or could not agree on.
    """
    attempt = Attempt.objects.filter(task=task, error__isnull=True).order_by("-number").first()
    if kind == "nobody" and attempt and same(attempt.output, task.proposal):
        apply_rules(act, task, attempt)
    else:
        _ask_again(act, task, attempt)


def _ask_again(act: Act, task: Task, attempt: Attempt | None) -> None:
    facts = facts_of(act, task, attempt, task.proposal)
    route = routing.route(act.definition.rules[task.step_key], facts)
    right = asked_right(act, task, route)
    if right is None:
        raise Invalid("No rule of this step asks a person: skip it, or cancel the case.")
    routed = record_route(
        act, task, route, right, attempt=attempt, action=Mode(right.mode), facts=facts
    )
    offer(act, task, routed, right)


def skip_step(incident_id: int, *, actor: Actor, reason: str) -> None:
    """Lead the case on without what the step would have written.

    Raises NotFound, NotAllowed, and Invalid without a reason or where nothing leads on.
    """
    reason = reason_given(reason)
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        target = _beyond(act, task)
        close(act, incident, "skipped", reason)
        task.word = ""
        complete(act, task, None)
        act.note("task.settled", {"task": task.pk}, {"word": "skipped"})
        advance(act, target)


def _beyond(act: Act, task: Task) -> Step:
    target = next_step(act, task, "", None) or next_step(act, task, Word.REJECTED, None)
    if target is None:
        raise Invalid("No transition leads on without an output: try again, or cancel the case.")
    return target
