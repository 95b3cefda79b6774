"""A worker without Celery: does what it is asked as fast as it can, when told to.

python -m tests.bench.working steps WORKFLOW               performs what is ready
python -m tests.bench.working cases WORKFLOW N REVIEWER    starts and decides N cases

It says ready when it has done one such case.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Final
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
django.setup()

from orchestrator import engine  # noqa: E402
from orchestrator.models import Actor, Workflow  # noqa: E402
from tests import world  # noqa: E402
from tests.bench.load import LUNCH, TEXT  # noqa: E402
from tests.programs import importer  # noqa: E402


def steps(slug: str) -> Iterator[int]:
    engine.start_case(_workflow(slug), actor=world.actor("alice"), key=str(uuid4()), data={})
    yield engine.work_until_idle()
    done = 0
    while some := engine.work_until_idle():
        done += some
    yield done


def cases(slug: str, count: str, reviewer: str) -> Iterator[int]:
    place, program = _workflow(slug), importer()
    decider = Actor.objects.get(user__username=reviewer)
    yield _through(place, program, decider)
    yield sum(_through(place, program, decider) for _ in range(int(count)))


def _workflow(slug: str) -> Workflow:
    return Workflow.objects.get(slug=slug)


def _through(place: Workflow, program: Actor, reviewer: Actor) -> int:
    output = {"value": LUNCH, "confidence": 0.5}
    engine.start_case(place, actor=program, key=str(uuid4()), data={"text": TEXT}, output=output)
    seat = engine.claim_next(actor=reviewer, workflow=place.slug)
    assert seat is not None
    assert seat.claim_token
    decided = engine.decide(
        seat.task_id,
        actor=reviewer,
        claim_token=seat.claim_token,
        digest=engine.screen_digest(seat.task, seat.task.case),
        word="approved",
    )
    assert decided.case_state == "completed"
    return 1


KINDS: Final[dict[str, Callable[..., Iterator[int]]]] = {"steps": steps, "cases": cases}

if __name__ == "__main__":
    kind, *asked = sys.argv[1:]
    work = KINDS[kind](*asked)
    next(work)
    print("ready", flush=True)
    sys.stdin.readline()
    print(next(work), flush=True)
