from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import call_command

from orchestrator.models import Seat
from tests import world

pytestmark = pytest.mark.django_db


def test_no_orphans_is_said_in_one_line() -> None:
    world.in_review(world.workflow())
    told = StringIO()

    call_command("check_orphans", stdout=told)

    assert told.getvalue() == "orphans: 0\n"


def test_orphans_are_named_and_fail_the_command() -> None:
    task = world.in_review(world.workflow())
    Seat.objects.filter(task=task).update(state="withdrawn")
    told = StringIO()

    with pytest.raises(SystemExit, match="1"):
        call_command("check_orphans", stdout=told)

    assert told.getvalue() == (
        f"orphans: 1\nin_review without a reason: case {task.case_id}, task {task.pk}\n"
    )
