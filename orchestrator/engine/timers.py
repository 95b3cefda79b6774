"""Moments at which a task goes on by itself: rows that the sweep finds by an index."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from orchestrator import calendars
from orchestrator.definitions.format import seconds
from orchestrator.engine.acts import Act, acting_on
from orchestrator.engine.closing import set_timer
from orchestrator.engine.finishing import finish
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.opening import begins
from orchestrator.engine.scopes import data_of
from orchestrator.engine.sweeping import reach, swept
from orchestrator.models import StepKind, Task, TaskState, Timer
from orchestrator.models.fields import ClockOnce
from orchestrator.pointers import lookup

Fire = Callable[[Act, Task], None]
FIRES: Final[dict[str, Fire]] = {}
"""What is done when a task's timer is due, by the timer's kind."""

WAKE: Final = "wake"


def fires(kind: str) -> Callable[[Fire], Fire]:
    """Let this function do what timers of a kind are for."""

    def keep(fire: Fire) -> Fire:
        FIRES[kind] = fire
        return fire

    return keep


def fire_timers(limit: int = 200) -> int:
    """Let what is due for tasks happen, oldest first; returns how many timers fired."""
    rows = Timer.objects.filter(task__isnull=False, fired_at=None, due_at__lte=ClockOnce())
    due = rows.order_by("due_at", "id").values_list("id", "task_id")[: reach(_fire, limit)]
    return len(swept(_fire, list(due)))


def _fire(timer_id: int, task_id: int) -> bool:
    with acting_on(task_id) as (act, task):
        timer = Timer.objects.select_for_update(no_key=True).get(pk=timer_id)
        if timer.fired_at is not None or timer.due_at > act.now:
            return False
        timer.fired_at = act.now
        timer.save(update_fields=["fired_at"])
        FIRES[timer.kind](act, task)
    return True


def due_in(act: Act, flow: dict[str, Any], key: str) -> datetime:
    """The moment so long from now; in working hours where the step says ``working: true``."""
    calendar = act.definition.version.calendar if flow.get("working") else {}
    return calendars.due(act.now, seconds(flow[key]), calendar)


@begins(StepKind.TIMER)
def wait(act: Act, task: Task) -> None:
    """Wait for a while, or until the moment that the case file names."""
    flow = task.step.flow
    if "after" in flow:
        set_timer(task.pk, WAKE, due_in(act, flow, "after"))
        return
    moment = _moment(lookup(data_of(task, act.case), flow["until"]))
    if moment is None:
        message = f"{task.step.name} finds no date or time at {flow['until']}."
        open_incident(act, task, "stuck", message)
    else:
        set_timer(task.pk, WAKE, moment)


def _moment(value: Any) -> datetime | None:
    """A date or a time with its zone, as RFC 3339 writes it; a date is its midnight in UTC."""
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            is_date = len(value) == len("2026-01-31")
            return found.replace(tzinfo=UTC) if is_date else None
        # Beyond the years 1 and 9999 nobody could read it back.
        return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


@fires(WAKE)
def wake(act: Act, task: Task) -> None:
    if task.state == TaskState.WAITING:
        finish(act, task, "", {"at": act.now.isoformat()})
