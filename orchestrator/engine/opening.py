"""New tasks: how a case comes to a step, and what then happens there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from orchestrator import routing
from orchestrator.engine.acts import Act
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.leasing import Work, lease_of
from orchestrator.engine.rounds import facts_of, offer, record_route
from orchestrator.models import ASKING, MACHINE, Mode, Step, StepKind, Task, TaskState
from orchestrator.models.rows import insert, insert_unless_taken, new

MOST_VISITS: Final = 100
FIRST: Final[dict[str, TaskState]] = {
    **dict.fromkeys(MACHINE, TaskState.READY),
    StepKind.HUMAN: TaskState.IN_REVIEW,
}
"""The state in which the tasks of a kind come up; those of other kinds wait."""


def effect_key(case_id: int, step_key: str, visit: int, scope: str = "") -> str:
    """The stable key of what a task does outside; never changes once the task is there."""
    return f"{case_id}:{step_key}:{scope}:{visit}"


Begin = Callable[[Act, Task], None]
BEGINS: Final[dict[str, Begin]] = {}
"""What happens when a case comes to a step that is no machine's work, by its kind."""


def begins(kind: StepKind) -> Callable[[Begin], Begin]:
    """Let this function begin the tasks of a kind."""

    def keep(begin: Begin) -> Begin:
        BEGINS[kind] = begin
        return begin

    return keep


def new_task(act: Act, step: Step, visit: int = 1, scope: str = "") -> Task:
    """A task of this step, not saved: ready for a machine, in review for people, or waiting."""
    is_machine = step.kind in MACHINE
    return new(
        Task,
        case=act.case,
        step=step,
        step_key=step.key,
        scope=scope,
        visit=visit,
        state=FIRST.get(step.kind, TaskState.WAITING),
        run_at=act.now if is_machine else None,
        lane=lane_of(step) if is_machine else None,
        effect_key=effect_key(act.case.pk, step.key, visit, scope),
        created_at=act.now,
    )


def lane_of(step: Step) -> int | None:
    """The connection that performs a step. Without one outsiders fetch it, and each such step is a
    lane of its own below 0; None is what a worker does by itself."""
    if step.actor is None:
        return None
    if step.actor.connection_id is None and step.kind != StepKind.SYSTEM:
        return -int(step.pk)
    return step.actor.connection_id


def open_task(
    act: Act, step: Step, *, scope: str = "", join: int | None = None, **more: Any
) -> Task:
    """The next visit of a step in this case.

    ``join`` is the id of the task that its branch leads to; ``more`` are columns of the task.
    """
    visit = next_visit(act, step, scope)
    task = new_task(act, step, visit, scope)
    task.parent_id = join
    for name, value in more.items():
        setattr(task, name, value)
    takes = act.hands_on and act.handed is None and visit <= MOST_VISITS and "run_at" not in more
    if takes := takes and step.kind in MACHINE and (task.lane is None or task.lane > 0):
        task.state, task.fence, task.attempts = TaskState.RUNNING, 1, 1
        task.lease_expires_at = act.now + lease_of(step)
    keep(task)
    where = {"scope": scope} if scope else {}
    act.note("task.opened", {"task": task.pk}, {"step": step.key, "visit": task.visit, **where})
    if task.visit > MOST_VISITS:
        open_incident(act, task, "loop", f"{step.name} was visited {MOST_VISITS} times.")
    elif takes:
        act.handed = Work(task.pk, act.case.pk, step.key, 1, 1, task.effect_key)
    else:
        enter(act, task)
    return task


def keep(task: Task) -> None:
    """Save a new task, as the next visit that is free: what a migration brought here from other
    steps may have the place or the key of this one."""
    for _ in range(MOST_VISITS):
        if insert_unless_taken(task):
            return
        task.visit += 1
        task.effect_key = effect_key(task.case_id, task.step_key, task.visit, task.scope)
    insert(task)


def enter(act: Act, task: Task) -> None:
    """Do what a new task's kind asks for: ring for a machine, ask people, wait, or go on."""
    if task.step.kind in MACHINE:
        act.rings = True
    else:
        BEGINS[task.step.kind](act, task)


def next_visit(act: Act, step: Step, scope: str) -> int:
    """How often the case will have come to this step; queries where it can come back."""
    if step.key not in act.definition.loops:
        return 1
    return Task.objects.filter(case=act.case, step_key=step.key, scope=scope).count() + 1


@begins(StepKind.HUMAN)
def ask(act: Act, task: Task) -> None:
    """Have the rules of a human step say who answers."""
    facts = facts_of(act, task, None, None)
    route = routing.route(act.definition.rules[task.step_key], facts)
    right = act.definition.right_at(task.step_key, route.position)
    if right is not None and right.mode not in ASKING:
        right = act.definition.right_at(task.step_key, None)
    if right is None:
        open_incident(act, task, "nobody", "No rule of this step names who answers.")
        return
    routed = record_route(
        act, task, route, right, attempt=None, action=Mode(right.mode), facts=facts
    )
    offer(act, task, routed, right)
