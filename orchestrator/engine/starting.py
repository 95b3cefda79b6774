"""How cases come in: one at a time or by the thousand, each key once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from django.db import transaction

from orchestrator import attachments, authority, schema
from orchestrator.diffing import canonical
from orchestrator.engine import events, versions
from orchestrator.engine.acts import Act, ring
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.judging import judge
from orchestrator.engine.opening import enter, new_task
from orchestrator.engine.reading import attempt_fields, is_json
from orchestrator.exceptions import CaseConflict, Invalid, NotFound
from orchestrator.models import (
    MACHINE,
    Actor,
    Attempt,
    Case,
    CaseOrigin,
    Event,
    StepKind,
    Task,
    TaskState,
    Workflow,
)
from orchestrator.models.rows import insert, insert_families, insert_many, new
from orchestrator.models.standing import Beside, Standing
from orchestrator.pointers import Problem, child

MOST: Final = 1000
MOST_KEY: Final = 200
MARK: Final = f'"{attachments.PREFIX}'.encode()
"""In the text of every case that refers to a file."""

_GIVEN: Final = frozenset(
    {"value", "confidence", "field_confidence", "model", "latency_ms"}
    | {"cost_micros", "currency", "tokens_in", "tokens_out"}
)


@dataclass(frozen=True, slots=True)
class Started:
    """``created`` is False for a key and body that were there already."""

    case: Case
    created: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one case of a batch: created, existing, conflict or invalid."""

    status: str
    case_id: int | None = None
    problems: list[dict[str, str]] = field(default_factory=list)


@dataclass
class _Arrival:
    """What came in, perhaps not valid yet."""

    key: Any
    data: Any
    output: Any

    @cached_property
    def text(self) -> bytes:
        output = self.output and {**self.output, **attempt_fields(self.output)}
        return canonical({"data": self.data, "output": output})

    @cached_property
    def body(self) -> str:
        """The digest that tells the same body again from another one."""
        return sha256(self.text).hexdigest()

    @cached_property
    def references(self) -> list[attachments.Reference]:
        """Where the case refers to files that were brought before."""
        if MARK not in self.text:
            return []
        return attachments.references({"data": self.data, "output": self.output})


@transaction.atomic
def start_case(
    workflow: Workflow,
    *,
    actor: Actor,
    key: str,
    data: Any,
    output: Any = None,
    origin: str = CaseOrigin.LIVE,
) -> Started:
    """Begin one case under the published version; an output that came along is routed at once.

    ``output`` is ``{value, confidence?, field_confidence?, model?, cost_micros?, currency?,
    tokens_in?, tokens_out?, latency_ms?}`` of an agent that has done the first step already. The
    same key and body again gives the case that is there. Raises NotAllowed, NotFound, Invalid
    and CaseConflict.
    """
    held, drawn = _drawn(actor, 1)
    authority.require(actor, "start", workflow, held=held)
    definition = _published(workflow)
    arrival = _Arrival(key, data, output)
    if problems := _problems(definition, actor, arrival):
        return _known(definition, arrival, problems)
    made, there = _write(definition, drawn, [arrival], origin, is_routed=output is not None)
    if not made:
        case_id, body = there[key]
        if body != arrival.body:
            raise CaseConflict(case=case_id)
        return Started(Case.objects.get(pk=case_id), created=False)
    act, task, _ = made[0]
    if output is not None:
        _route(act, task, output)
    return Started(act.case, created=True)


@transaction.atomic
def start_cases(
    workflow: Workflow,
    *,
    actor: Actor,
    cases: Sequence[Any],
    origin: str = CaseOrigin.LIVE,
) -> list[Outcome]:
    """Begin up to 1,000 cases ``{key, data, output?}``; one outcome each, in order.

    Outputs that came along are routed by a worker.
    """
    if len(cases) > MOST:
        problem = {"path": "/cases", "message": f"Send at most {MOST:,} cases at a time."}
        raise Invalid(problems=[problem])
    held, drawn = _drawn(actor, len(cases))
    authority.require(actor, "start", workflow, held=held)
    definition = _published(workflow)
    read = [_read(definition, actor, row) for row in cases]
    fresh: dict[str, _Arrival] = {}
    for arrival in read:
        if isinstance(arrival, _Arrival):
            fresh.setdefault(arrival.key, arrival)
    made, there = _write(definition, drawn, list(fresh.values()), origin)
    _hand_in(definition, made)
    created = {id(arrival) for _, _, arrival in made}
    return [_outcome(arrival, there, created) for arrival in read]


def start_called(workflow: Workflow, *, task: Task, initiator: Actor, data: dict[str, Any]) -> Case:
    """Begin the case that a subflow's task calls; called again it begins another one.

    Raises NotFound without a published version, and Invalid for data that do not fit it.
    """
    definition = _published(workflow)
    number = Case.objects.filter(caller=task).count()
    while True:
        number += 1
        arrival = _Arrival(f"{task.case_id}/{task.pk}/{number}", data, None)
        if problems := _problems(definition, initiator, arrival):
            raise Invalid(problems=[problem.as_json() for problem in problems])
        _, drawn = _drawn(initiator, 1)
        made, _ = _write(definition, drawn, [arrival], task.case.origin, caller=task)
        # Somebody may have given another case this key.
        if made:
            return made[0][0].case


def _known(definition: Definition, arrival: _Arrival, problems: list[Problem]) -> Started:
    """A case that an older version took is there, whatever this version says of its data."""
    if isinstance(arrival.key, str) and is_json(arrival.data):
        rows = Case.objects.filter(workflow=definition.version.workflow, key=arrival.key)
        for case in rows:
            if case.body_digest == arrival.body:
                return Started(case, created=False)
    raise Invalid(problems=[problem.as_json() for problem in problems])


def _route(act: Act, task: Task, output: Mapping[str, Any]) -> None:
    """Judge an output that came along in the transaction that began its case."""
    attempt = attempt_of(act.definition, task, output, act.now)
    insert(attempt)
    judge(act, task, attempt)
    act.finish()


def _outcome(
    read: _Arrival | Outcome, there: Mapping[str, tuple[int, str]], created: set[int]
) -> Outcome:
    if isinstance(read, Outcome):
        return read
    case_id, body = there[read.key]
    if id(read) in created:
        return Outcome("created", case_id)
    return Outcome("existing" if body == read.body else "conflict", case_id)


def _published(workflow: Workflow) -> Definition:
    if workflow.published_version_id is None:
        raise NotFound(f"{workflow.name} has no published version yet.")
    return definition_of(workflow.published_version_id)


def _read(definition: Definition, actor: Actor, row: Any) -> _Arrival | Outcome:
    if not isinstance(row, Mapping):
        return _invalid([Problem("", "Give an object with key and data.")])
    arrival = _Arrival(row.get("key"), row.get("data"), row.get("output"))
    unknown = [
        Problem(child("", name), "A case has key, data and output, nothing else.")
        for name in row.keys() - {"key", "data", "output"}
    ]
    problems = unknown or _problems(definition, actor, arrival)
    return _invalid(problems) if problems else arrival


def _invalid(problems: list[Problem]) -> Outcome:
    return Outcome("invalid", None, [problem.as_json() for problem in problems])


def _problems(definition: Definition, actor: Actor, arrival: _Arrival) -> list[Problem]:
    problems = [*_key_problems(arrival.key)]
    if not isinstance(arrival.data, dict) or not is_json(arrival.data):
        problems.append(Problem("/data", "Give a JSON object."))
    elif definition.version.data_schema:
        found = schema.validate(definition.version.data_schema, arrival.data)
        problems += [Problem(f"/data{problem.path}", problem.message) for problem in found]
    if arrival.output is not None:
        problems += _output_problems(definition, arrival.output)
    return problems or attachments.problems(actor, arrival.references)


def _key_problems(key: Any) -> list[Problem]:
    if not isinstance(key, str) or not key.strip() or len(key) > MOST_KEY or "\x00" in key:
        return [Problem("/key", f"Give a text of 1 to {MOST_KEY} characters.")]
    return []


def _output_problems(definition: Definition, output: Any) -> list[Problem]:
    start = definition.start
    if start.kind != StepKind.AGENT:
        return [Problem("/output", "Leave this out: no agent performs the first step.")]
    has_value = isinstance(output, Mapping) and output.get("value") is not None
    if not has_value or not is_json(output["value"]):
        return [Problem("/output/value", "Give the output of the agent.")]
    unknown = [
        Problem(child("/output", name), f"An output has {', '.join(sorted(_GIVEN))}.")
        for name in output.keys() - _GIVEN
    ]
    found = schema.validate(start.schema, output["value"])
    unfit = [Problem(f"/output/value{problem.path}", problem.message) for problem in found]
    return unknown + unfit or _model_problems(definition, output)


def _model_problems(definition: Definition, output: Mapping[str, Any]) -> list[Problem]:
    """Whether the agent's version is known, or may be new; then it is from now on."""
    try:
        versions.as_whom(definition, definition.start, attempt_fields(output)["model"])
    except versions.TooManyModels as error:
        return [Problem("/output/model", str(error))]
    return []


_Made = tuple[Act, Task, _Arrival]


def _write(
    definition: Definition,
    drawn: _Drawn,
    arrivals: Sequence[_Arrival],
    origin: str,
    *,
    is_routed: bool = False,
    caller: Task | None = None,
) -> tuple[list[_Made], dict[str, tuple[int, str]]]:
    """Write cases with their first tasks: what was made, and id and body of every key.

    Ids are drawn first, so that the first links of each chain are reckoned before anything is
    written: one statement a table, however many cases. A key that is taken, even by a
    transaction that ends only now, keeps the case that it has. ``is_routed``: the caller goes
    on at once, from a task that is running, and writes the events at its end.
    """
    rows = [
        _first(definition, drawn, arrival, pair, origin=origin, caller=caller)
        for arrival, pair in zip(arrivals, drawn.ids, strict=False)
    ]
    if is_routed:
        _run(rows)
    links = [[] if is_routed else _linked(act) for act, _, _ in rows]
    cases, tasks = [act.case for act, _, _ in rows], [task for _, task, _ in rows]
    fresh = insert_families(cases, tasks, "case_id")
    made = [row for row in rows if row[0].case.pk in fresh]
    attachments.link({act.case.pk: arrival.references for act, _, arrival in made})
    insert_many(
        [
            link
            for row, chain in zip(rows, links, strict=True)
            if row[0].case.pk in fresh
            for link in chain
        ]
    )
    there = {arrival.key: (act.case.pk, arrival.body) for act, _, arrival in made}
    if len(made) < len(rows):
        there |= _there(definition.version.workflow_id, arrivals)
    if made and not is_routed and definition.start.kind in MACHINE:
        ring()
    for act, task, _ in made if definition.start.kind not in MACHINE else ():
        enter(act, task)
        act.finish()
    return made, there


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Who brings cases, ids for as many cases and their first tasks, and the database's time."""

    actor: Actor
    ids: list[tuple[int, int]]
    now: datetime


DRAWN: Final = Beside(
    """, (
        SELECT json_agg(json_build_array(
            nextval(pg_get_serial_sequence('orchestrator_case', 'id')),
            nextval(pg_get_serial_sequence('orchestrator_task', 'id'))
        )) FROM generate_series(1, %s)
    )"""
)


def _drawn(actor: Actor, count: int) -> tuple[Standing, _Drawn]:
    """What the actor holds, read with what is drawn. What is then refused leaves gaps."""
    held, (ids,) = DRAWN.read(actor, count)
    return held, _Drawn(actor, [(case, task) for case, task in ids or []], held.at)


def _first(
    definition: Definition,
    drawn: _Drawn,
    arrival: _Arrival,
    ids: tuple[int, int],
    *,
    origin: str,
    caller: Task | None,
) -> _Made:
    """A case and its first task, not saved."""
    case_id, task_id = ids
    case = new(
        Case,
        pk=case_id,
        workflow_id=definition.version.workflow_id,
        version=definition.version,
        key=arrival.key,
        body_digest=arrival.body,
        origin=origin,
        data=arrival.data,
        initiator=drawn.actor,
        caller=caller,
        created_at=drawn.now,
    )
    act = Act(case, drawn.now, definition, drawn.actor)
    task = new_task(act, definition.start)
    task.pk = task_id
    act.note("case.started", {"case": case_id}, {"body": arrival.body})
    act.note("task.opened", {"task": task_id}, {"step": task.step_key, "visit": 1})
    if arrival.output is not None:
        task.proposal, task.lane = arrival.output["value"], None
    return act, task, arrival


def _run(rows: Sequence[_Made]) -> None:
    for act, task, _ in rows:
        task.state, task.attempts, task.fence = TaskState.RUNNING, 1, 1
        task.lease_expires_at = act.now


def _linked(act: Act) -> list[Event]:
    links = events.linked(act.case, act.now, act.entries)
    act.entries = []
    return links


def _there(workflow_id: int, arrivals: Sequence[_Arrival]) -> dict[str, tuple[int, str]]:
    keys = [arrival.key for arrival in arrivals]
    rows = Case.objects.filter(workflow_id=workflow_id, key__in=keys)
    return {key: (pk, body) for key, pk, body in rows.values_list("key", "id", "body_digest")}


def _hand_in(definition: Definition, made: Sequence[_Made]) -> None:
    """Keep the outputs of a batch where the worker that claims the task finds them."""
    insert_many(
        [
            attempt_of(definition, task, arrival.output, act.now)
            for act, task, arrival in made
            if arrival.output is not None
        ]
    )


def attempt_of(
    definition: Definition, task: Task, output: Mapping[str, Any], now: datetime
) -> Attempt:
    """The attempt that an output which came along stands for, not saved."""
    fields = attempt_fields(output)
    return new(
        Attempt,
        task=task,
        number=1,
        actor=versions.as_whom(definition, definition.start, fields["model"]),
        output=output["value"],
        started_at=now,
        finished_at=now,
        **fields,
    )
