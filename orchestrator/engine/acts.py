"""One act on one case: its lock, its time, and what the record will say of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction

from orchestrator import logs
from orchestrator.engine import events
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.leasing import Work
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, Case, Step, Task
from orchestrator.models.statements import Joined
from orchestrator.signals import work_ready


@dataclass(slots=True)
class Act:
    """What a verb holds while it works: the locked case and the database's time.

    ``changed`` are the columns of the case that are saved with its chain; ``rings`` says that
    machine work is ready when the transaction is through. Where the caller ``hands_on``, the
    next machine step is not announced but leased to it, as ``handed``. ``ahead`` are the steps
    that the case goes to next.
    """

    case: Case
    now: datetime
    definition: Definition
    actor: Actor
    changed: set[str] = field(default_factory=set)
    entries: list[events.Entry] = field(default_factory=list)
    rings: bool = False
    hands_on: bool = False
    handed: Work | None = None
    ahead: deque[tuple[Step | None, Task]] = field(default_factory=deque)
    is_moving: bool = False

    def note(
        self,
        type_: str,
        refs: Mapping[str, int],
        payload: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
    ) -> None:
        """Have the record say this when the act is done."""
        self.entries.append(events.Entry(type_, actor or self.actor, refs, payload or {}))

    def finish(self) -> None:
        events.append(self.case, self.now, self.entries, also=self.changed)
        if self.rings:
            ring()


def ring() -> None:
    """Tell the workers, once the transaction is through, that machine work is ready."""
    transaction.on_commit(lambda: work_ready.send(sender=None), robust=True)


@contextmanager
def acting(case_id: int, actor: Actor | None = None) -> Iterator[Act]:
    """One transaction that holds the case; without an actor the published version acts.

    Raises NotFound when there is no such case.
    """
    with logs.about(case=case_id), transaction.atomic():
        try:
            case, now = events.locked(Case, case_id)
        except Case.DoesNotExist as error:
            raise NotFound from error
        definition = definition_of(case.version_id)
        act = Act(case, now, definition, actor or definition.policy)
        yield act
        act.finish()


TASK: Final = Joined(
    """
    SELECT {task}, {case}, clock_timestamp()
    FROM orchestrator_task AS task JOIN orchestrator_case AS "case" ON "case".id = task.case_id
    WHERE task.id = %s FOR NO KEY UPDATE OF "case", task
    """,
    task=Task,
    case=Case,
)


@contextmanager
def acting_on(task_id: int, actor: Actor | None = None) -> Iterator[tuple[Act, Task]]:
    """The same for one task: case and task are locked in this order by one statement.

    Raises NotFound when there is no such task.
    """
    with logs.about(task=task_id), transaction.atomic():
        found = TASK.first([task_id])
        if found is None:
            raise NotFound
        task, case, now = found
        act = act_at(task, case, now, actor)
        yield act, task
        act.finish()


def act_at(task: Task, case: Case, now: datetime, actor: Actor | None) -> Act:
    """The act on a task that is locked with its case."""
    definition = definition_of(case.version_id)
    task.case, task.step = case, definition.step_of(task)
    return Act(case, now, definition, actor or definition.policy)


def locked_task(act: Act, task_id: int) -> Task:
    """The task as it is now, locked after its case."""
    task = Task.objects.select_for_update(no_key=True).get(pk=task_id, case_id=act.case.pk)
    task.case, task.step = act.case, act.definition.step_of(task)
    return task
