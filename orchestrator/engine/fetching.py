"""Work that outsiders fetch, in any language: leased to them, fenced, and handed in once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from orchestrator import schema
from orchestrator.connectors import CallError, PermanentError, Result, TransientError
from orchestrator.engine import failing, lanes
from orchestrator.engine.definition import definition_of
from orchestrator.engine.lanes import Fetched
from orchestrator.engine.leasing import Work, lease_of
from orchestrator.engine.scopes import input_of
from orchestrator.engine.working import submit_output
from orchestrator.exceptions import Invalid, NotFound, StaleFence
from orchestrator.models import Actor, Task, TaskState
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.standing import Standing, standing
from orchestrator.pointers import Problem

KINDS: Final = ("agent", "automation")


def fetch_work(actor: Actor, kinds: Collection[str], most: int) -> list[Fetched]:
    """At most so many tasks that the actor may work on, leased to it, the oldest first."""
    places = [place for place in lanes.outside() if place.kind in kinds]
    if not places:
        return []
    held = standing(actor)
    mine = [place.lane for place in places if _may(held, place.workflow_id, place.step_key)]
    return lanes.fetch_work(mine, most) if mine else []


def _may(held: Standing, workflow_id: int, step_key: str) -> bool:
    if not held.active or held.excluded("work", workflow_id, step_key):
        return False
    return held.granted("work", workflow_id, step_key) is not None


def fetched_task(task_id: int, actor: Actor) -> Task:
    """A task of outsiders with its case and step, and the input that it has.

    Raises NotFound where it is none, or none for this actor.
    """
    task = Task.objects.select_related("case__workflow").filter(pk=task_id, lane__lt=0).first()
    if task is None or not _may(standing(actor), task.case.workflow_id, task.step_key):
        raise NotFound
    task.step = definition_of(task.case.version_id).step_of(task)
    return task


def tell_work(found: Fetched) -> tuple[Task, Any]:
    """The task that somebody fetched, with its case and step, and its input."""
    task = Task.objects.select_related("case__workflow").get(pk=found.work.task_id)
    task.step = definition_of(task.case.version_id).step_of(task)
    return task, input_of(task)


def renew_work(task_id: int, fence: int, *, actor: Actor) -> datetime:
    """Let the lease last for the step's time-out from now; returns until when.

    Raises NotFound and StaleFence.
    """
    task = fetched_task(task_id, actor)
    held = Task.objects.filter(pk=task_id, fence=fence, state=TaskState.RUNNING)
    if not held.update(lease_expires_at=ClockTimestamp() + lease_of(task.step)):
        raise StaleFence
    until = held.values_list("lease_expires_at", flat=True).first()
    if until is None:
        raise StaleFence
    return until


def complete_work(task_id: int, fence: int, said: Mapping[str, Any], *, actor: Actor) -> Task:
    """Hand in an output, as it would come along with a case; returns the task as it is then.

    Raises NotFound, StaleFence, and Invalid where the output does not fit the step's schema:
    the lease goes on, so that it can be mended.
    """
    task = fetched_task(task_id, actor)
    work = _work(task, fence)
    is_held = task.state == TaskState.RUNNING and task.fence == fence
    if is_held and (found := schema.validate(task.step.schema, said["value"])):
        rows = [Problem(f"/output/value{row.path}", row.message).as_json() for row in found]
        raise Invalid("The output does not fit the step's schema.", problems=rows)
    rest = {name: value for name, value in said.items() if name != "value" and value is not None}
    submit_output(work, Result(output=said["value"], **rest), given=input_of(task))
    task.refresh_from_db(fields=["state"])
    return task


def fail_work(
    task_id: int,
    fence: int,
    message: str,
    *,
    actor: Actor,
    transient: bool,
    retry_after: float | None = None,
) -> Task:
    """Say that a try gave nothing; returns the task as it is then. Raises NotFound, StaleFence."""
    task = fetched_task(task_id, actor)
    kind: type[CallError] = TransientError if transient else PermanentError
    error = kind(message, retry_after=retry_after)
    if not failing.fail(_work(task, fence), input_of(task), error):
        raise StaleFence
    task.refresh_from_db(fields=["state", "run_at"])
    return task


def _work(task: Task, fence: int) -> Work:
    """What the holder of this fence has, as far as it has anything still."""
    return Work(task.pk, task.case_id, task.step_key, fence, task.attempts, task.effect_key)
