"""The conservation law finds what would never move again."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from django.db import connection

from orchestrator import engine
from orchestrator.engine.orphans import CASES, ENDS, TASKS, Walk, walk_on
from orchestrator.models import Task
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

    assert counts == [0, 0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ENDS["case"], "case_open_in_order"),
        (ENDS["task"], "task_open_in_order"),
        (CASES, "case_open_in_order"),
        (TASKS, "task_open_in_order"),
    ],
)
def test_what_is_over_is_not_walked(query: str, index: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        values = {"after": 0, "until": 1000, "slice": 1000, "most": 1000}
        cursor.execute(f"EXPLAIN (COSTS OFF) {query}", values)
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert index in plan
