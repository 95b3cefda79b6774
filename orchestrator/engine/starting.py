"""How cases come in: one at a time or by the thousand, each key once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import transaction

from orchestrator import authority
from orchestrator.engine.acts import Act
from orchestrator.engine.arriving import Arrival, attempt_of, problems_of
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.judging import judge
from orchestrator.engine.reading import is_json
from orchestrator.engine.writing import Made, drawn_by, write_cases
from orchestrator.exceptions import CaseConflict, Invalid, NotFound
from orchestrator.models import Actor, Case, CaseOrigin, Task, Workflow
from orchestrator.models.rows import insert, insert_many
from orchestrator.pointers import Problem, child

MOST: Final = 1000


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
    held, drawn = drawn_by(actor, 1)
    authority.require(actor, "start", workflow, held=held)
    definition = _published(workflow)
    arrival = Arrival(key, data, output)
    if problems := problems_of(definition, actor, arrival):
        return _known(definition, arrival, problems)
    made, there = write_cases(definition, drawn, [arrival], origin, is_routed=output is not None)
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
    held, drawn = drawn_by(actor, len(cases))
    authority.require(actor, "start", workflow, held=held)
    definition = _published(workflow)
    read = [_read(definition, actor, row) for row in cases]
    fresh: dict[str, Arrival] = {}
    for arrival in read:
        if isinstance(arrival, Arrival):
            fresh.setdefault(arrival.key, arrival)
    made, there = write_cases(definition, drawn, list(fresh.values()), origin)
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
        arrival = Arrival(f"{task.case_id}/{task.pk}/{number}", data, None)
        if problems := problems_of(definition, initiator, arrival):
            raise Invalid(problems=[problem.as_json() for problem in problems])
        _, drawn = drawn_by(initiator, 1)
        made, _ = write_cases(definition, drawn, [arrival], task.case.origin, caller=task)
        # Somebody may have given another case this key.
        if made:
            return made[0][0].case


def _known(definition: Definition, arrival: Arrival, problems: list[Problem]) -> Started:
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
    read: Arrival | Outcome, there: Mapping[str, tuple[int, str]], created: set[int]
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


def _read(definition: Definition, actor: Actor, row: Any) -> Arrival | Outcome:
    if not isinstance(row, Mapping):
        return _invalid([Problem("", "Give an object with key and data.")])
    arrival = Arrival(row.get("key"), row.get("data"), row.get("output"))
    unknown = [
        Problem(child("", name), "A case has key, data and output, nothing else.")
        for name in row.keys() - {"key", "data", "output"}
    ]
    problems = unknown or problems_of(definition, actor, arrival)
    return _invalid(problems) if problems else arrival


def _invalid(problems: list[Problem]) -> Outcome:
    return Outcome("invalid", None, [problem.as_json() for problem in problems])


def _hand_in(definition: Definition, made: Sequence[Made]) -> None:
    """Keep the outputs of a batch where the worker that claims the task finds them."""
    insert_many(
        [
            attempt_of(definition, task, arrival.output, act.now)
            for act, task, arrival in made
            if arrival.output is not None
        ]
    )
