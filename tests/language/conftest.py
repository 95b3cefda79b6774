"""A place with something on every page: decided, waiting, stuck and counted."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Task, Workflow
from tests import world


@dataclass(frozen=True, slots=True)
class Office:
    """``waits`` is claimed by bea, ``free`` by nobody; ``corrected`` was decided by ben."""

    workflow: Workflow
    waits: Task
    free: Task
    corrected: Task

    def pages(self) -> dict[str, str]:
        """Name -> address of what everybody looks at most."""
        return {
            "home": "/",
            "queue": "/review/",
            "task": f"/review/tasks/{self.waits.pk}/",
            "case": f"/cases/{self.corrected.case_id}/",
            "cases": "/cases/",
            "insights": "/insights/?period=all",
            "workflow": "/workflows/expenses/",
            "workflows": "/workflows/",
            "incidents": "/incidents/",
            "exports": "/review/exports/",
        }


def furnished() -> Office:
    place = world.workflow()
    waits = world.in_review(place, key="waits", confidence=0.62)
    free = world.in_review(place, {**world.LUNCH, "amount": 1240.5}, key="free", confidence=0.97)
    corrected = world.in_review(place, key="corrected", confidence=0.5, latency_ms=1320)
    less = {**world.LUNCH, "amount": 33.5}
    world.decided(corrected, "ben", "corrected", output=less, comment="Less.", final=True)
    world.started(place, world.LUNCH, confidence=0.99)
    broken = world.in_review(place, key="broken")
    with acting(broken.case_id) as act:
        open_incident(act, locked_task(act, broken.pk), "nobody", "Nobody is there.")
    engine.work_until_idle()
    while engine.fold_counters():
        continue
    world.claimed(waits, "bea")
    return Office(place, waits, free, corrected)


@pytest.fixture
def office(db: None) -> Office:
    return furnished()
