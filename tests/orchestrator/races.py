"""Acts at the same moment, for tests of what happens when they meet."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection

from orchestrator import engine
from orchestrator.engine.events import first_break
from orchestrator.exceptions import Refusal
from orchestrator.models import Actor, Case, Task


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Do all at the same moment, each on a connection of its own: results and refusals."""
    start = Barrier(len(acts))

    def one(act: Callable[[], object]) -> object:
        start.wait(20)
        try:
            return act()
        except Refusal as refusal:
            return type(refusal).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def deciding(task: Task, by: Actor, word: str = "approved") -> Callable[[], str]:
    """An act that decides with the claim that ``by`` holds now."""
    seat = engine.claim(task.pk, actor=by)
    task = Task.objects.select_related("case").get(pk=task.pk)
    digest = engine.screen_digest(task, task.case)
    token = str(seat.claim_token)

    def act() -> str:
        done = engine.decide(
            task.pk, actor=by, claim_token=token, digest=digest, word=word, final=True
        )
        return str(done.task_state)

    return act


def check(task: Task) -> Case:
    """The case of a task, of which nothing was lost and no link is broken."""
    case = Case.objects.get(pk=task.case_id)
    assert engine.orphans() == []
    assert first_break(case) is None
    return case


def is_waiting() -> bool:
    """Whether somebody waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
