"""Cases with their first tasks, however many in one statement, each key once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from orchestrator import attachments
from orchestrator.engine import events
from orchestrator.engine.acts import Act, ring
from orchestrator.engine.arriving import Arrival
from orchestrator.engine.definition import Definition
from orchestrator.engine.opening import enter, new_task
from orchestrator.models import MACHINE, Actor, Case, Event, Task, TaskState
from orchestrator.models.rows import insert_families, insert_many, new
from orchestrator.models.standing import Beside, Standing

Made = tuple[Act, Task, Arrival]


def write_cases(
    definition: Definition,
    drawn: Drawn,
    arrivals: Sequence[Arrival],
    origin: str,
    *,
    is_routed: bool = False,
    caller: Task | None = None,
) -> tuple[list[Made], dict[str, tuple[int, str]]]:
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
class Drawn:
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


def drawn_by(actor: Actor, count: int) -> tuple[Standing, Drawn]:
    """What the actor holds, read with what is drawn. What is then refused leaves gaps."""
    held, (ids,) = DRAWN.read(actor, count)
    return held, Drawn(actor, [(case, task) for case, task in ids or []], held.at)


def _first(
    definition: Definition,
    drawn: Drawn,
    arrival: Arrival,
    ids: tuple[int, int],
    *,
    origin: str,
    caller: Task | None,
) -> Made:
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


def _run(rows: Sequence[Made]) -> None:
    for act, task, _ in rows:
        task.state, task.attempts, task.fence = TaskState.RUNNING, 1, 1
        task.lease_expires_at = act.now


def _linked(act: Act) -> list[Event]:
    links = events.linked(act.case, act.now, act.entries)
    act.entries = []
    return links


def _there(workflow_id: int, arrivals: Sequence[Arrival]) -> dict[str, tuple[int, str]]:
    keys = [arrival.key for arrival in arrivals]
    rows = Case.objects.filter(workflow_id=workflow_id, key__in=keys)
    return {key: (pk, body) for key, pk, body in rows.values_list("key", "id", "body_digest")}
