"""Where a case goes from a step: its exits, the end, and the way back."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from orchestrator import conditions
from orchestrator.engine.acts import Act, locked_task
from orchestrator.engine.closing import close_case
from orchestrator.engine.opening import BEGINS, open_task
from orchestrator.engine.scopes import data_of, merged, writes_of
from orchestrator.engine.unwinding import unwind
from orchestrator.models import CaseState, Step, StepKind, Task, TaskState, Word

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
TIMED_OUT: Final = "timed_out"


def next_step(
    act: Act, task: Task, word: str, output: Any, said: Mapping[str, Any] = NOTHING
) -> Step | None:
    """The target of the first exit that holds; ``said`` are facts that only this step has.

    A rejection takes only exits that ask for the decision, a wait in vain only those that ask
    for the signal: silence never leads on as if all were well.
    """
    found = leading(act, task, word, output, said)
    return found[0] if found else None


def leading(
    act: Act, task: Task, word: str, output: Any, said: Mapping[str, Any] = NOTHING
) -> list[Step]:
    """The targets of all exits that hold, in order."""
    data = merged(data_of(task, act.case), writes_of(task, word, output))
    facts = {"output": output, "case": data, "decision": word, **said}
    wanted = _wanted(word, said)
    return [
        act.definition.steps[way.target]
        for way in act.definition.exits[task.step_key]
        if (not wanted or wanted in way.asks)
        and conditions.evaluate(way.condition, facts).truth is True
    ]


def _wanted(word: str, said: Mapping[str, Any]) -> str:
    """The fact that an exit has to ask for, where not every exit may be taken."""
    if word == Word.REJECTED:
        return "decision"
    return "signal" if said.get("signal") == TIMED_OUT else ""


def advance(act: Act, *ways: tuple[Step | None, Task]) -> None:
    """Go on from tasks to steps; without a step the case, or this branch, ends as rejected.

    Steps that take no time may lead far on: they are walked one after the other, not deeper
    and deeper.
    """
    act.ahead.extend(ways)
    if act.is_moving:
        return
    act.is_moving = True
    while act.ahead:
        _move(act, *act.ahead.popleft())
    act.is_moving = False


def _move(act: Act, target: Step | None, task: Task) -> None:
    if act.case.state == CaseState.CANCELLING:
        unwind(act)
    elif act.case.state == CaseState.OPEN and task.parent_id:
        _move_in_branch(act, target, task, locked_task(act, task.parent_id))
    elif act.case.state == CaseState.OPEN:
        _move_outside(act, target, task)


def _move_in_branch(act: Act, target: Step | None, task: Task, join: Task) -> None:
    if join.state != TaskState.WAITING:
        return  # It did not wait for this branch.
    if target is None or target.kind == StepKind.JOIN:
        BEGINS[StepKind.JOIN](act, join)
    else:
        open_task(act, target, scope=task.scope, join=join.pk)


def _move_outside(act: Act, target: Step | None, task: Task) -> None:
    if target is None:
        close_case(act, CaseState.COMPLETED, "rejected")
    elif target.kind == StepKind.END:
        close_case(act, CaseState.COMPLETED, target.outcome or target.key)
    else:
        open_task(act, target, scope=task.scope)
