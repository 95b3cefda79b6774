"""A worker without Celery: does what it is asked as fast as it can, when told to.

python -m tests.bench.working steps               performs what is ready
python -m tests.bench.working cases WORKFLOW N    starts and decides N cases
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final
from uuid import uuid4

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
django.setup()

from orchestrator import engine  # noqa: E402
from orchestrator.models import Actor, Task, Workflow  # noqa: E402
from tests import world  # noqa: E402
from tests.bench.load import LUNCH, TEXT  # noqa: E402
from tests.programs import importer  # noqa: E402


def steps() -> int:
    done = 0
    while some := engine.work_until_idle():
        done += some
    return done


def cases(slug: str, count: str) -> int:
    place, program, bea = Workflow.objects.get(slug=slug), importer(), world.actor("bea")
    for _ in range(int(count)):
        _through(place, program, bea)
    return int(count)


def _through(place: Workflow, program: Actor, bea: Actor) -> None:
    output = {"value": LUNCH, "confidence": 0.5}
    case = engine.start_case(
        place, actor=program, key=str(uuid4()), data={"text": TEXT}, output=output
    ).case
    seat = engine.claim(Task.objects.get(case=case).pk, actor=bea)
    shown = engine.screen_digest(seat.task, seat.task.case)
    assert seat.claim_token
    decided = engine.decide(
        seat.task_id, actor=bea, claim_token=seat.claim_token, digest=shown, word="approved"
    )
    assert decided.case_state == "completed"


KINDS: Final[dict[str, Callable[..., int]]] = {"steps": steps, "cases": cases}

if __name__ == "__main__":
    engine.is_work_ready()
    kind, *asked = sys.argv[1:]
    print("ready", flush=True)
    sys.stdin.readline()
    print(KINDS[kind](*asked), flush=True)
