"""What docs/flow.md says of steps that lead the flow, followed from start to end."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import F

from orchestrator import engine
from orchestrator.models import StepKind, Timer
from tests import world
from tests.orchestrator.flows import begun, open_steps, published, task_of, told

PAGE = (Path(__file__).parents[2] / "docs/flow.md").read_text()
FILE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


@pytest.mark.django_db
def test_the_example_runs_from_its_start_to_its_end() -> None:
    lines = [{"name": "tea"}, {"name": "cup"}]
    case = begun(published(FILE), {"country": "DE", "lines": lines})
    assert sorted(open_steps(case)) == ["line", "line", "payment", "picked", "prepared"]
    assert told(case).data["zone"] == "near"

    for shelf in ("a", "b"):
        task = case.tasks.filter(step_key="line", state="in_review").order_by("id")[0]
        world.decided(task, "bea", "responded", output={"shelf": shelf}, final=True)
    engine.signal(
        case.pk,
        actor=world.actor("alice"),
        name="paid",
        message_id="m-1",
        data={"amount": 9},
    )
    assert open_steps(case) == ["rest"]
    assert [row["line"]["shelf"] for row in told(case).data["picked"]] == ["a", "b"]

    Timer.objects.update(due_at=F("due_at") - timedelta(days=7))
    engine.fire_timers()
    assert (told(case).state, case.outcome) == ("completed", "done")


@pytest.mark.django_db
def test_the_example_is_undone_newest_line_first() -> None:
    case = begun(published(FILE), {"country": "US", "lines": [{"name": "tea"}]})
    world.decided(task_of(case, "line"), "bea", "responded", output={"shelf": "a"}, final=True)

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    assert open_steps(case) == ["put_back"]
    assert engine.data_of(task_of(case, "put_back"))["undoes"]["output"] == {"shelf": "a"}


def test_the_page_tells_of_every_kind_that_leads_the_flow() -> None:
    performed = {"agent", "automation", "human", "system", "end"}

    assert {kind for kind in StepKind.values if f"kind: {kind}" not in FILE} - performed == {
        "subflow"
    }
    assert "**subflow**" in PAGE
