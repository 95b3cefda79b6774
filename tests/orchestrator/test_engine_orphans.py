"""The conservation law finds what would never move again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection

from orchestrator import engine
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
