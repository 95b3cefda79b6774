"""The conservation law finds what would never move again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.orphans import CASES, ENDS, LATE, TASKS, TIMERS, UNPERFORMED, Walk, walk_on
from orchestrator.models import Incident, Task
from tests import world
from tests.world import LUNCH

pytestmark = pytest.mark.django_db


def forget_task(task: Task) -> None:
    run("UPDATE orchestrator_task SET state = 'cancelled' WHERE id = %s", task.pk)


def forget_seat(task: Task) -> None:
    run("UPDATE orchestrator_seat SET state = 'withdrawn' WHERE task_id = %s", task.pk)


def close_case(task: Task) -> None:
    run(
        "UPDATE orchestrator_case SET state = 'completed', completed_at = now() WHERE id = %s",
        task.case_id,
    )


def fail_silently(task: Task) -> None:
    run("UPDATE orchestrator_task SET state = 'failed' WHERE id = %s", task.pk)


def run(sql: str, pk: int) -> None:
    """Past the engine: only so can a task be orphaned."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [pk])


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (forget_task, "case without a task"),
        (forget_seat, "in_review without a reason"),
        (close_case, "task of a closed case"),
        (fail_silently, "failed without a reason"),
    ],
)
def test_an_orphan_is_found_and_named(harm: Callable[[Task], None], kind: str) -> None:
    task = world.in_review(world.workflow(), LUNCH)
    assert engine.orphans() == []

    harm(task)

    (found,) = engine.orphans()
    assert (found.kind, found.case_id) == (kind, task.case_id)


TASK = "UPDATE orchestrator_task SET state = '{}', {} = {} WHERE id = %(task)s"
SEAT = "UPDATE orchestrator_seat SET {} = {} WHERE task_id = %(task)s"
AGO = "now() - %(ago)s"
TIMER = """
    INSERT INTO orchestrator_timer (task_id, kind, slot, due_at)
    VALUES (%(task)s, 'x', 0, now() - %(ago)s)
    ON CONFLICT (task_id, kind, slot) DO UPDATE SET due_at = EXCLUDED.due_at
"""
READY = TASK.format("ready", "lease_expires_at = NULL, run_at", AGO)


@pytest.mark.parametrize(
    ("harm", "hours", "kind"),
    [
        ([READY], 25, "ready long overdue"),
        ([READY, TASK.format("running", "lease_expires_at", AGO)], 2, "running long overdue"),
        ([TASK.format("decided", "settle_at", AGO)], 2, "decided long overdue"),
        ([SEAT.format("due_at", AGO)], 2, "in_review long overdue"),
        ([SEAT.format("back_at", AGO)], 2, "in_review long overdue"),
        ([TIMER], 2, "timer long overdue"),
    ],
)
def test_what_each_sweep_breaks_on_is_an_orphan_once_it_is_long_overdue(
    harm: list[str], hours: int, kind: str
) -> None:
    task = world.in_review(world.workflow(), LUNCH)

    def let_pass(ago: timedelta) -> list[tuple[str, int | None]]:
        values: dict[str, Any] = {"task": task.pk, "ago": ago}
        with connection.cursor() as cursor:
            for sql in harm:
                cursor.execute(sql, values)
        return [(found.kind, found.task_id) for found in engine.orphans()]

    assert let_pass(timedelta(hours=hours - 1.5)) == []
    assert let_pass(timedelta(hours=hours)) == [(kind, task.pk)]


def test_a_seat_on_somebodys_screen_is_no_orphan_however_late_it_is() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    world.claimed(task, "bea")
    run(
        "UPDATE orchestrator_seat SET due_at = now() - interval '9 days' WHERE task_id = %s",
        task.pk,
    )

    assert engine.orphans() == []


def test_an_incident_is_an_orphan_once_all_who_answer_for_it_are_gone() -> None:
    task = world.in_review(world.workflow(), LUNCH)
    with acting(task.case_id) as act:
        incident = open_incident(act, locked_task(act, task.pk), "split", "They differ.")
    assert engine.orphans() == []

    User.objects.filter(username="alice").update(is_active=False)

    assert [found.kind for found in engine.orphans()] == ["failed without anybody responsible"]
    Incident.objects.filter(pk=incident.pk).update(assigned_to=world.actor("lea"))
    assert engine.orphans() == []


def test_a_walk_pauses_and_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["orchestrator.engine.orphans"], "SLICE", 1)
    place = world.workflow()
    tasks = [world.in_review(place, LUNCH) for _ in range(3)]
    for task in tasks[::2]:
        forget_seat(task)
    walk, counts = Walk(), []

    while walk.last is None:
        # One step at a time: a slice, or the end of one table.
        walk = walk_on(walk.as_json(), seconds=0)
        counts.append(walk.count)

    assert counts == [0, 0, 0, 0, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ENDS["case"], "case_open_in_order"),
        (ENDS["task"], "task_open_in_order"),
        (CASES, "case_open_in_order"),
        (TASKS, "task_open_in_order"),
        (ENDS["timer"], "timer_unfired"),
        (TIMERS, "timer_unfired"),
    ],
)
def test_what_is_over_is_not_walked(query: str, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        values: dict[str, Any] = {"after": 0, "until": 1000, "slice": 1000, "most": 1000}
        values |= {"late": LATE, "unperformed": UNPERFORMED}
        cursor.execute(f"EXPLAIN (COSTS OFF) {query}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert index in plan
