"""What comes from outside while a case is on its way: awaited, early, or news for everybody.

A signal is taken once by its id. One that a step waits for leads the case on; one that the
version knows as news is written into the case file; one that comes before its step is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from orchestrator import authority, schema
from orchestrator.diffing import diff, digest
from orchestrator.engine import pending
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.closing import set_timer
from orchestrator.engine.finishing import finish
from orchestrator.engine.moving import TIMED_OUT
from orchestrator.engine.opening import begins
from orchestrator.engine.reading import is_json
from orchestrator.engine.scopes import data_of, merged
from orchestrator.engine.timers import due_in, fires
from orchestrator.exceptions import CaseClosed, Invalid, SignalConflict
from orchestrator.models import Actor, CaseState, Inbound, StepKind, Task, TaskState
from orchestrator.pointers import MISSING, Problem, lookup

DEADLINE: Final = "deadline"
MOST: Final = {"name": 80, "id": 200}


@dataclass(frozen=True, slots=True)
class Signalled:
    """What became of a signal: ``status`` is taken, kept or existing. ``tasks`` went on by it."""

    status: str
    tasks: tuple[int, ...] = ()


def signal(
    case_id: int, *, actor: Actor, name: str, message_id: str, data: Any = None
) -> Signalled:
    """Bring a signal to a case. The same id and content again changes nothing.

    Raises NotFound, NotAllowed, CaseClosed, Invalid (also for a name that nothing in the
    version waits for) and SignalConflict for an id that brought something else before.
    """
    data = {} if data is None else data
    _check(name, message_id, data)
    with acting(case_id, actor) as act:
        authority.require(actor, "start", act.case)
        body = digest({"name": name, "data": data})
        known = Inbound.objects.filter(source=_source(act), message_id=message_id).first()
        if known is not None:
            return _again(known, body)
        if act.case.state != CaseState.OPEN:
            raise CaseClosed
        _check_known(act, name, data)
        inbound = Inbound.objects.create(
            source=_source(act),
            message_id=message_id,
            day=act.now.date(),
            body_digest=body,
            body=data,
            name=name,
            correlation=str(case_id),
        )
        act.note("signal.received", {"inbound": inbound.pk}, {"name": name, "body": body})
        return _take(act, inbound)


def _source(act: Act) -> str:
    return f"case:{act.case.pk}"


def _again(known: Inbound, body: str) -> Signalled:
    if known.body_digest != body:
        raise SignalConflict
    return Signalled("existing", (known.task_id,) if known.task_id else ())


def _check(name: Any, message_id: Any, data: Any) -> None:
    problems = [
        Problem(f"/{key}", f"Give a text of 1 to {MOST[key]} characters.")
        for key, value in (("name", name), ("id", message_id))
        if not isinstance(value, str) or not 0 < len(value) <= MOST[key] or "\x00" in value
    ]
    if not isinstance(data, dict) or not is_json(data):
        problems.append(Problem("/data", "Give a JSON object."))
    if problems:
        raise Invalid(problems=[problem.as_json() for problem in problems])


def _check_known(act: Act, name: str, data: Any) -> None:
    """A name with a slip would wait for ever, and data that fits no step would stop the case."""
    steps = [step for step in act.definition.steps.values() if step.flow.get("signal") == name]
    news = name in act.definition.version.signals
    if not steps and not news:
        named = pending.signals_of(act.definition.version.signals, act.definition.steps.values())
        known = ", ".join(named) or "none"
        problem = Problem("/name", f"Nothing here waits for this; it knows {known}.")
        raise Invalid(problems=[problem.as_json()])
    found = [schema.validate(step.schema, data) for step in steps if step.schema]
    if found and all(found):
        problems = [Problem(f"/data{one.path}", one.message) for one in found[0]]
        raise Invalid(problems=[problem.as_json() for problem in problems])


def _take(act: Act, inbound: Inbound) -> Signalled:
    is_news = inbound.name in act.definition.version.signals
    if is_news:
        _write_news(act, inbound)
    pending.signalled(act, inbound.name)
    waiting = Task.objects.filter(case=act.case, state=TaskState.WAITING, step__kind=StepKind.EVENT)
    for pk in waiting.order_by("id").values_list("id", flat=True):
        task = locked_task(act, pk)
        if _fits(task, inbound):
            _match(act, task, inbound)
            return Signalled("taken", (pk,))
    return Signalled("taken" if is_news else "kept")


def _write_news(act: Act, inbound: Inbound) -> None:
    """What is decided meanwhile was decided without it: open seats look again."""
    rules = act.definition.version.signals[inbound.name]
    found = {target: lookup(inbound.body, source) for target, source in rules.items()}
    writes = {target: value for target, value in found.items() if value is not MISSING}
    before, act.case.data = act.case.data, merged(act.case.data, writes)
    inbound.answer = {"changes": [change.as_json() for change in diff(before, act.case.data)]}
    inbound.save(update_fields=["answer"])
    wrote = {"signal": inbound.name, "inbound": inbound.pk}
    act.case.provenance = act.case.provenance | dict.fromkeys(writes, wrote)
    act.changed |= {"data", "provenance"}


def _fits(task: Task, inbound: Inbound) -> bool:
    """Whether a task waits for this signal: its name, its schema, and what tells it apart."""
    flow = task.step.flow
    if flow["signal"] != inbound.name or schema.validate(task.step.schema, inbound.body):
        return False
    pairs = flow.get("match", {}).items()
    if not pairs:
        return True
    data = data_of(task)
    return all(_same(lookup(inbound.body, here), lookup(data, there)) for here, there in pairs)


def _same(left: Any, right: Any) -> bool:
    return left is not MISSING and right is not MISSING and digest(left) == digest(right)


def _match(act: Act, task: Task, inbound: Inbound) -> None:
    inbound.task = task
    inbound.save(update_fields=["task"])
    act.note("signal.matched", {"task": task.pk, "inbound": inbound.pk}, {"name": inbound.name})
    finish(act, task, "", inbound.body, said={"signal": "received"})


@begins(StepKind.EVENT)
def await_signal(act: Act, task: Task) -> None:
    """Wait for a signal, but not for ever; one that came early is taken at once."""
    early = Inbound.objects.filter(
        name=task.step.flow["signal"], correlation=str(act.case.pk), task=None
    )
    for inbound in early.order_by("id"):
        if inbound.name not in act.definition.version.signals and _fits(task, inbound):
            _match(act, task, inbound)
            return
    set_timer(task.pk, DEADLINE, due_in(act, task.step.flow, "within"))


@fires(DEADLINE)
def give_up(act: Act, task: Task) -> None:
    """Nothing came in time: only an exit that asks for the signal leads on."""
    if task.state == TaskState.WAITING:
        finish(act, task, "", None, said={"signal": TIMED_OUT})
