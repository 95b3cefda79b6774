"""What a person does about an incident."""

from __future__ import annotations

from django.utils.translation import gettext as _

from orchestrator import authority, routing
from orchestrator.definitions.graphs import OPENERS
from orchestrator.definitions.rules import is_careful
from orchestrator.diffing import same
from orchestrator.engine import doubting
from orchestrator.engine.acts import Act, acting
from orchestrator.engine.branching import fire_again
from orchestrator.engine.calling import lead_on
from orchestrator.engine.failing import again
from orchestrator.engine.finishing import complete, finish
from orchestrator.engine.incidents import begin, case_of, close, reason_given
from orchestrator.engine.judging import apply_rules, asked_right
from orchestrator.engine.moving import advance, next_step
from orchestrator.engine.opening import FIRST, enter, lane_of
from orchestrator.engine.rounds import facts_of, offer, record_route
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    MACHINE,
    Actor,
    Attempt,
    Mode,
    Step,
    StepKind,
    Task,
    TaskState,
    Timer,
    Word,
)

# Of these the output is there; what is missing is somebody who may decide it.
UNDECIDED = frozenset({"nobody", "split", "escalated", "stuck"})
BRANCHING = OPENERS | {StepKind.JOIN}


def retry(incident_id: int, *, actor: Actor) -> None:
    """Have the step tried again: by the machine, or by asking people once more.

    A write in doubt that nobody has looked into is not made again: somebody is to look.

    Raises NotFound and NotAllowed.
    """
    with acting(case_of(incident_id), actor) as act:
        incident, task = begin(act, incident_id)
        authority.require(actor, "resolve", incident)
        close(act, incident, "retried")
        is_undecided = incident.kind in UNDECIDED
        if is_undecided and _is_done(task):
            _judge_again(act, task, incident.kind)
        elif is_undecided and is_careful(task.step) and doubting.is_sent(task.pk):
            doubting.ask(act, task, doubting.REASON)
        elif incident.kind == "stuck" and task.step.kind == StepKind.SUBFLOW:
            lead_on(act, task)
        else:
            begin_anew(act, task)


def _is_done(task: Task) -> bool:
    """Whether a machine has done it. A write may have been made that gave no output."""
    return task.step.kind in MACHINE and (task.proposal is not None or doubting.is_made(task.pk))


def begin_anew(act: Act, task: Task) -> None:
    """A failed step from its beginning, as if the case had just come to it.

    What it waited for before counts no more; the branches of a join are not gone again.
    """
    if task.step.kind in MACHINE:
        task.proposal, task.crashes, task.lane = None, 0, lane_of(task.step)
        again(act, task)
        return
    task.state = FIRST.get(task.step.kind, TaskState.WAITING)
    task.save(update_fields=["state"])
    Timer.objects.filter(task=task, fired_at=None).update(fired_at=act.now)
    if task.step.kind == StepKind.JOIN:
        fire_again(act, task)
    else:
        enter(act, task)


def _judge_again(act: Act, task: Task, kind: str) -> None:
    """Bring the last output before people in a new round.

    What nobody was there to decide, as while automatic approval was stopped, the rules judge
    anew; not what people have corrected or could not agree on. What is there without a try of a
    machine, or without rules, is done: it only looks anew where it leads.
    """
    attempt = last_attempt(task)
    if attempt is None or not act.definition.rules[task.step_key]:
        finish(act, task, task.word, task.proposal)
    elif kind == "nobody" and same(attempt.output, task.proposal):
        apply_rules(act, task, attempt)
    else:
        ask_again(act, task, attempt)


def last_attempt(task: Task) -> Attempt | None:
    """The last try that gave an output."""
    return Attempt.objects.filter(task=task, error__isnull=True).order_by("-number").first()


def ask_again(act: Act, task: Task, attempt: Attempt | None) -> None:
    """Bring the output before the people whom the rules name, in a new round. Raises Invalid."""
    facts = facts_of(act, task, attempt, task.proposal)
    route = routing.route(act.definition.rules[task.step_key], facts)
    right = asked_right(act, task, route)
    if right is None:
        raise Invalid(_("No rule of this step asks a person: skip it, or cancel the case."))
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
        if task.step.kind in BRANCHING:
            raise Invalid(
                _("Without its branches nothing can go on: try again, or cancel the case.")
            )
        # After an undoing comes the next one, whatever leads on from its step.
        target = None if task.compensates_id else _beyond(act, task)
        close(act, incident, "skipped", reason)
        task.word = ""
        complete(act, task, None)
        act.note("task.settled", {"task": task.pk}, {"word": "skipped"})
        advance(act, (target, task))


def _beyond(act: Act, task: Task) -> Step:
    target = next_step(act, task, "", None) or next_step(act, task, Word.REJECTED, None)
    if target is None:
        raise Invalid(_("No transition leads on without an output: try again, or cancel the case."))
    return target
