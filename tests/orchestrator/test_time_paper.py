"""What docs/time.md says, followed once from its own example."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator import calendars, engine
from orchestrator.connectors import Result
from orchestrator.definitions import import_draft, warnings
from orchestrator.models import Seat, Task, Timer, Workflow
from tests import world
from tests.waiting import pended, sent_back

pytestmark = pytest.mark.django_db
PAGE = (Path(__file__).parents[2] / "docs/time.md").read_text()
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]


@pytest.fixture
def invoices() -> Workflow:
    world.people()
    draft = import_draft(EXAMPLE)
    assert [found.message for found in warnings(draft)] == []
    return engine.publish(draft, actor=world.actor("alice")).workflow


def _task(place: Workflow) -> Task:
    output = {"value": {"amount": 12}, "confidence": 0.5}
    case = engine.start_case(
        place, actor=world.actor("alice"), key="i-1", data={"text": "Hi"}, output=output
    ).case
    return case.tasks.get()


def test_eight_hours_from_friday_afternoon_end_on_monday(invoices: Workflow) -> None:
    assert invoices.published_version
    friday = datetime(2026, 11, 27, 14, tzinfo=ZoneInfo("Europe/Berlin"))

    at = calendars.due(friday, 8 * 3600, invoices.published_version.calendar)

    assert at == datetime(2026, 11, 30, 17, tzinfo=ZoneInfo("Europe/Berlin"))


def test_the_example_waits_and_goes_back(invoices: Workflow) -> None:
    task = _task(invoices)
    assert set(Timer.objects.values_list("kind", flat=True)) == {"start", "remind"}
    pended(task, signal="supplier_replied")
    engine.signal(
        task.case_id,
        actor=world.actor("alice"),
        name="supplier_replied",
        message_id="1",
        data={"text": "It is net."},
    )
    assert Seat.objects.get(task=task).back_at is None

    sent_back(task, instructions="Take the net amount.")
    Task.objects.filter(pk=task.pk).update(settle_at="2020-01-01T00:00:00Z")
    engine.settle_due()
    work = engine.claim_work()
    assert work
    again = Task.objects.select_related("case", "step").get(pk=work.task_id)
    told = engine.brief_of(again)
    engine.submit_output(work, Result({"amount": 10}, confidence=0.99))

    assert told
    assert told["sent_back"]["instructions"] == "Take the net amount."
    assert [row["decision"] for row in told["history"]] == ["rejected"]
    again.refresh_from_db()
    assert again.state == "in_review"
