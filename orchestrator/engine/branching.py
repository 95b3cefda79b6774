"""Branches: a fork's, one for each exit; a for-each's, one for each item; and their join.

The opening step makes the join's task at once. It waits with the count of those it expects,
is the parent of every task in its branches, and fires once: under the lock of its case.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from orchestrator.engine.acts import Act, locked_task
from orchestrator.engine.closing import OPEN, cancel_task
from orchestrator.engine.finishing import complete, finish
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.moving import advance, leading
from orchestrator.engine.opening import begins, keep, new_task, next_visit
from orchestrator.engine.scopes import data_of, merged, within, writes_of
from orchestrator.models import Step, StepKind, Task, TaskState, Word
from orchestrator.pointers import lookup

MOST_ITEMS: Final = 10_000
AT_ONCE: Final = 10


@begins(StepKind.FORK)
def fork(act: Act, task: Task) -> None:
    """Go all ways that hold at once."""
    ways = leading(act, task, "", None)
    if not ways:
        open_incident(act, task, "stuck", f"No transition leads on from {task.step.name}.")
        return
    complete(act, task, None)
    join = _new_join(act, task, len(ways))
    advance(act, *((step, _branch(join, number)) for number, step in enumerate(ways)))


@begins(StepKind.FOR_EACH)
def for_each(act: Act, task: Task) -> None:
    """Go the same way once for each item of a list, so many at once."""
    place = task.step.flow["items"]
    items = lookup(data_of(task, act.case), place)
    if not isinstance(items, list):
        open_incident(act, task, "stuck", f"{task.step.name} finds no list at {place}.")
    elif len(items) > MOST_ITEMS:
        message = f"{task.step.name} finds {len(items):,} items; {MOST_ITEMS:,} are the most."
        open_incident(act, task, "stuck", message)
    else:
        complete(act, task, items)
        join = _new_join(act, task, len(items))
        first = range(min(len(items), task.step.flow.get("at_once", AT_ONCE)))
        advance(act, *((_body(act, task.step), _branch(join, number)) for number in first))
        if not items:
            _fire(act, join, task)


def _body(act: Act, step: Step) -> Step:
    return act.definition.steps[act.definition.exits[step.key][0].target]


def _new_join(act: Act, opener: Task, expects: int) -> Task:
    step = act.definition.steps[opener.step.flow["join"]]
    join = new_task(act, step, next_visit(act, step, opener.scope), opener.scope)
    join.parent_id, join.expects = opener.parent_id, expects
    join.wait_key = within("", opener.step_key, opener.visit)
    keep(join)
    act.note("task.opened", {"task": join.pk}, {"step": step.key, "visit": join.visit})
    return join


def _branch(join: Task, number: int) -> Task:
    """Where a branch begins: a task that is not saved, only a place to go on from."""
    return Task(scope=f"{_prefix(join)}{number}", parent_id=join.pk)


def _prefix(join: Task) -> str:
    return f"{join.scope}/{join.wait_key}.".removeprefix("/")


@begins(StepKind.JOIN)
def arrive(act: Act, join: Task) -> None:
    """One branch has come to its end: the next item begins, or the join fires."""
    opener = _opener(act, join)
    join.arrived += 1
    join.save(update_fields=["arrived"])
    if join.arrived >= _needed(join, opener):
        _fire(act, join, opener)
    elif opener.step.kind == StepKind.FOR_EACH:
        number = join.arrived - 1 + opener.step.flow.get("at_once", AT_ONCE)
        if number < join.expects:
            advance(act, (_body(act, opener.step), _branch(join, number)))


def fire_again(act: Act, join: Task) -> None:
    """Have a join that led nowhere lead on: all that it waited for have arrived."""
    _fire(act, join, _opener(act, join))


def _opener(act: Act, join: Task) -> Task:
    key, visit = join.wait_key.rsplit(".", 1)
    opener = Task.objects.get(case=act.case, step_key=key, scope=join.scope, visit=int(visit))
    opener.case, opener.step = act.case, act.definition.steps[key]
    return opener


def _needed(join: Task, opener: Task) -> int:
    wanted = opener.step.flow.get("complete_when", "all")
    if wanted == "all":
        return join.expects
    return min(join.expects, 1 if wanted == "any" else wanted)


def _fire(act: Act, join: Task, opener: Task) -> None:
    """Write what the branches wrote, call off those that nobody waits for, and go on."""
    rest = Task.objects.filter(case=act.case, scope__startswith=_prefix(join), state__in=OPEN)
    for pk in rest.order_by("id").values_list("id", flat=True):
        cancel_task(act, locked_task(act, pk))
    done = _done(act, join)
    said = {"branches": join.expects, "arrived": join.arrived, "rejected": _rejected(done)}
    if opener.step.kind == StepKind.FOR_EACH:
        finish(act, join, "", {opener.step.flow["collect"]: _collected(join, done)}, said=said)
    else:
        rules = opener.step.flow.get("merge", {})
        authors = _authors(act, done, rules)
        finish(act, join, "", _together(done, rules), said=said, authors=authors)


def _done(act: Act, join: Task) -> list[Task]:
    """What was completed in the branches, those of inner joins left to these; oldest first.

    By id, for clocks may go back; each with the step of the version under which it was done.
    """
    rows = Task.objects.filter(parent=join, state=TaskState.COMPLETED)
    done = list(rows.select_related("step").order_by("id"))
    for task in done:
        task.case = act.case
    return done


def _rejected(done: Sequence[Task]) -> int:
    """How many branches ended with a rejection."""
    return sum(task.word == Word.REJECTED for task in {task.scope: task for task in done}.values())


def _written(task: Task) -> dict[str, Any]:
    return writes_of(task, task.word, task.output)


def _collected(join: Task, done: Sequence[Task]) -> list[Any]:
    """What each item's branch wrote, in the order of the items; None where it was called off."""
    found: list[Any] = [None] * join.expects
    for task in done:
        number = int(task.scope.rpartition(".")[2])
        found[number] = merged(found[number] or {}, _written(task))
    return found


def _branches(done: Sequence[Task]) -> list[list[Task]]:
    """The same by branch, in the order of the branches."""
    found: dict[int, list[Task]] = {}
    for task in done:
        found.setdefault(int(task.scope.rpartition(".")[2]), []).append(task)
    return [found[number] for number in sorted(found)]


def _together(done: Sequence[Task], rules: Mapping[str, str]) -> dict[str, Any]:
    """What the branches wrote, path by path; where several wrote one, as its rule says.

    Of what a branch wrote several times the last counts.
    """
    found: dict[str, Any] = {}
    for branch in _branches(done):
        wrote = {path: value for task in branch for path, value in _written(task).items()}
        for path, value in wrote.items():
            rule = rules.get(path, "last")
            if rule == "append":
                found.setdefault(path, []).append(value)
            elif rule == "last" or path not in found:
                found[path] = value
    return found


def _authors(act: Act, done: Sequence[Task], rules: Mapping[str, str]) -> dict[str, Any]:
    """Which task in the branches wrote which path; the last one where all are appended."""
    found: dict[str, Any] = {}
    for branch in _branches(done):
        for path, wrote in _authors_in(act, branch).items():
            if rules.get(path) != "first" or path not in found:
                found[path] = wrote
    return found


def _authors_in(act: Act, branch: Sequence[Task]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task in branch:
        wrote = {"task": task.pk, "step": task.step_key, "word": task.word}
        found |= dict.fromkeys(_written(task), wrote)
        if task.step.kind == StepKind.JOIN and _opener(act, task).step.kind == StepKind.FORK:
            rules = _opener(act, task).step.flow.get("merge", {})
            found |= _authors(act, _done(act, task), rules)
    return found
