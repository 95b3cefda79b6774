"""manage.py export_events: both files are as their schemas want them and say what the log says."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestrator.engine import assign
from orchestrator.mining import lifecycle, reading
from orchestrator.models import Case, Decision, Event, Task, Workflow
from orchestrator.narration import EVENTS
from tests import world
from tests.orchestrator.mining import XES, attributes, check_ocel, check_xes

PAPER = (Path(settings.BASE_DIR) / "docs/process-mining.md").read_text()

pytestmark = pytest.mark.django_db


@pytest.fixture
def expenses() -> Workflow:
    return world.workflow()


@pytest.fixture
def lived(expenses: Workflow) -> Workflow:
    """One case that people decided, one that a rule did, one that waits."""
    world.decided(world.in_review(expenses, key="a"), "bea", "approved")
    world.started(expenses, world.LUNCH, confidence=0.99, key="b")
    world.in_review(expenses, key="Ms Miller's flight")
    return expenses


def printed(*more: str) -> str:
    out = StringIO()
    call_command("export_events", *more, stdout=out, stderr=StringIO())
    return out.getvalue()


def ocel(*more: str) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(printed("--format", "ocel2", *more))
    check_ocel(log)
    return log


def xes(*more: str) -> Element:
    return check_xes(printed("--format", "xes", *more))


def events_of(log: Element) -> list[dict[str, str]]:
    return [attributes(event) for event in log.iter(f"{XES}event")]


def said(row: dict[str, Any]) -> dict[str, str]:
    return {attribute["name"]: attribute["value"] for attribute in row["attributes"]}


def related(row: dict[str, Any]) -> dict[str, str]:
    return {to["qualifier"]: to["objectId"] for to in row["relationships"]}


def of_type(log: dict[str, Any], name: str, part: str = "events") -> list[dict[str, Any]]:
    return [row for row in log[part] if row["type"] == name]


def test_ocel_has_each_event_of_the_log_once_and_in_order(lived: Workflow) -> None:
    log = ocel()

    kept = Event.objects.filter(stream__startswith="case:").order_by("stream", "seq")
    ids = [f"{event.stream.replace(':', '-')}-{event.seq}" for event in kept]
    assert sorted(row["id"] for row in log["events"]) == sorted(ids)
    numbers = [row["id"].split("-") for row in log["events"]]
    assert numbers == sorted(numbers, key=lambda parts: (int(parts[1]), int(parts[2])))
    times = {row["id"]: datetime.fromisoformat(row["time"]) for row in log["events"]}
    assert [times[name] for name in ids] == [event.at for event in kept]
    assert {row["name"] for row in log["eventTypes"]} == {event.type for event in kept}


def test_ocel_relates_events_to_what_they_are_about(lived: Workflow) -> None:
    log = ocel()

    decision = Decision.objects.get(actor=world.actor("bea"))
    row = next(
        row
        for row in of_type(log, "decision.made")
        if related(row)["decision"] == f"decision-{decision.pk}"
    )
    case = decision.task.case
    assert related(row) == {
        "case": f"case-{case.pk}",
        "version": f"version-{case.version_id}",
        "by": f"person-{world.actor('bea').pk}",
        "task": f"task-{decision.task_id}",
        "decision": f"decision-{decision.pk}",
    }
    assert (said(row)["word"], said(row)["role"]) == ("approved", "Expense reviewers")
    objects = {row["id"]: row for row in log["objects"]}
    assert said(objects[f"decision-{decision.pk}"])["word"] == "approved"
    assert said(objects[f"task-{decision.task_id}"])["step"] == "Read the receipt"
    assert said(objects[f"case-{case.pk}"])["workflow"] == "expenses"
    assert said(objects[f"version-{case.version_id}"])["number"] == "1"
    kinds = {row["name"] for row in log["objectTypes"]}
    assert {"case", "task", "decision", "version", "person", "agent", "policy"} <= kinds


def test_work_has_a_start_and_its_cost(expenses: Workflow) -> None:
    task = world.in_review(expenses)
    began = datetime.now(UTC) - timedelta(minutes=3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE orchestrator_attempt SET started_at = %s, cost_micros = 4200, currency = 'EUR'",
            [began],
        )
        cursor.execute("UPDATE orchestrator_event SET at = at - interval '1 hour' WHERE seq = 1")

    work = [row for row in events_of(xes()) if row["concept:name"] == "Read the receipt: work"]
    (event,) = of_type(ocel(), "attempt.finished")

    assert [row["lifecycle:transition"] for row in work] == ["start", "complete"]
    assert datetime.fromisoformat(work[0]["time:timestamp"]) == began
    assert (work[1]["cost:total"], work[1]["cost:currency"]) == ("0.0042", "EUR")
    assert "cost:total" not in work[0]
    assert {row["concept:instance"] for row in work} == {f"task-{task.pk}"}
    assert {row["org:role"] for row in work} == {"agent"}
    assert {row["org:resource"] for row in work} == {"reader@1"}
    assert (said(event)["cost"], said(event)["currency"]) == ("0.0042", "EUR")
    assert datetime.fromisoformat(said(event)["started"]) == began


def test_xes_has_a_trace_for_each_case_with_all_its_events(lived: Workflow) -> None:
    log = xes()

    traces = {
        attributes(trace)["concept:name"]: [
            attributes(event) for event in trace.iter(f"{XES}event")
        ]
        for trace in log.iter(f"{XES}trace")
    }
    assert set(traces) == {f"case-{case.pk}" for case in Case.objects.all()}
    for name, rows in traces.items():
        kept = Event.objects.filter(stream=name.replace("-", ":")).order_by("seq")
        ends = [row for row in rows if row["what"] != "Read the receipt: work started"]
        assert [row["event"] for row in ends] == [event.type for event in kept]
        times = [row["time:timestamp"] for row in rows]
        assert times == sorted(times)
    starts = [row for row in events_of(log) if row["what"].endswith("work started")]
    assert len(starts) == 3


def test_people_are_numbers_unless_names_are_asked_for(lived: Workflow) -> None:
    bea = world.actor("bea")
    for kind in ("xes", "ocel2"):
        hidden, open_ = printed("--format", kind), printed("--format", kind, "--names")
        assert "bea" not in hidden.replace("beaten", "")
        assert "Miller" not in hidden
        assert f"person-{bea.pk}" in hidden
        assert '"bea"' in open_
        assert "Miller" in open_


def test_the_wait_for_people_begins_when_a_rule_asks_them(lived: Workflow) -> None:
    approved, by_rule, waits = (
        [
            (row["lifecycle:transition"], row["what"].removeprefix("Read the receipt: "))
            for row in map(attributes, trace.iter(f"{XES}event"))
            if row["concept:name"].endswith((": review", ": routing"))
        ]
        for trace in xes().iter(f"{XES}trace")
    )

    assert approved == [("schedule", "waits for people"), ("complete", "approved")]
    assert by_rule == [("complete", "routed"), ("complete", "approved")]
    assert waits == [("schedule", "waits for people")]


def test_what_nobody_did_is_the_engines(lived: Workflow) -> None:
    rows = [row for row in events_of(xes("--names")) if row["event"] == "output.routed"]
    events = of_type(ocel(), "output.routed")

    assert {(row["org:resource"], row["org:role"]) for row in rows} == {("rewire", "system")}
    assert not any("by" in related(event) for event in events)


def test_what_is_sent_back_is_no_rejection(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "approved")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE orchestrator_decision SET word = 'rejected', proof = '{\"sent_back\": \"x\"}'"
        )

    (row,) = [row for row in events_of(xes()) if row["event"] == "decision.made"]
    (decision,) = of_type(ocel(), "decision", "objects")

    assert (row["word"], row["what"]) == ("sent_back", "Read the receipt: sent back")
    assert said(decision)["word"] == "sent_back"


def test_an_assignment_names_who_got_the_work(expenses: Workflow) -> None:
    seat = world.in_review(expenses).seats.get()
    assign(seat.pk, actor=world.actor("lea"), to=world.actor("ben"))

    (row,) = [row for row in events_of(xes("--names")) if row["event"] == "seat.assigned"]
    (event,) = of_type(ocel(), "seat.assigned")

    assert (row["lifecycle:transition"], row["org:resource"]) == ("assign", "ben")
    assert related(event)["by"] == f"person-{world.actor('lea').pk}"
    assert related(event)["person"] == f"person-{world.actor('ben').pk}"


def test_hostile_names_break_neither_file(expenses: Workflow) -> None:
    world.in_review(expenses, key="k")
    hostile = "a\"<b>&'\x01\x0b\x1f\ufffe\n]]>😀"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE orchestrator_step SET name = %s WHERE key = 'read'", [hostile])

    names = {row["concept:name"] for row in events_of(xes())}
    steps = {said(row)["step"] for row in of_type(ocel(), "task", "objects")}

    assert "a\"<b>&'����\n]]>😀: review" in names
    assert steps == {hostile}


def test_only_live_cases_of_the_workflow_and_the_days(lived: Workflow) -> None:
    other = world.workflow(
        world.EXPENSES.replace("workflow: expenses", "workflow: other").replace("Expenses", "Other")
    )
    world.in_review(other)
    seed, old = Case.objects.filter(workflow=lived).order_by("pk")[:2]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE orchestrator_case SET origin = 'seed' WHERE id = %s", [seed.pk])
        cursor.execute(
            "UPDATE orchestrator_case SET created_at = '2026-01-31 23:59:59Z' WHERE id = %s",
            [old.pk],
        )

    def cases(*more: str) -> set[str]:
        found = {row["id"] for row in of_type(ocel(*more), "case", "objects")}
        traces = xes(*more).iter(f"{XES}trace")
        assert {attributes(trace)["concept:name"] for trace in traces} == found
        return found

    assert f"case-{seed.pk}" not in cases()
    assert len(cases()) == 3
    assert len(cases("--workflow", "expenses")) == 2
    assert cases("--until", "2026-01-31") == {f"case-{old.pk}"}
    assert cases("--from", "2026-01-31", "--until", "2026-01-31") == {f"case-{old.pk}"}
    assert cases("--until", "2026-01-30") == set()
    assert f"case-{old.pk}" not in cases("--from", "2026-02-01")


def test_cases_whose_events_were_removed_come_with_the_rest(lived: Workflow) -> None:
    gone, cut = Case.objects.order_by("pk")[:2]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM orchestrator_event WHERE stream = %s", [f"case:{gone.pk}"])
        cursor.execute(
            "DELETE FROM orchestrator_event WHERE stream = %s AND seq < 4", [f"case:{cut.pk}"]
        )

    log = ocel()

    cases = {row["id"] for row in of_type(log, "case", "objects")}
    assert f"case-{gone.pk}" not in cases
    assert f"case-{cut.pk}" in cases
    assert min(row["id"] for row in log["events"]) == f"case-{cut.pk}-4"
    assert len(list(xes().iter(f"{XES}trace"))) == len(cases)


def test_an_empty_log_is_a_whole_file() -> None:
    assert ocel() == {"eventTypes": [], "objectTypes": [], "events": [], "objects": []}
    assert not events_of(xes())


@pytest.mark.parametrize("kind", ["ocel2", "xes"])
def test_more_cases_need_no_more_queries(expenses: Workflow, kind: str) -> None:
    world.in_review(expenses)
    with CaptureQueriesContext(connection) as few:
        printed("--format", kind)
    for _ in range(4):
        world.decided(world.in_review(expenses), "bea", "approved")
    with CaptureQueriesContext(connection) as many:
        printed("--format", kind)

    # Decisions and seats are asked for once where there are any.
    assert len(many) == len(few) + 2 <= 9


def test_chunks_join_without_a_gap(lived: Workflow, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {kind: printed("--format", kind) for kind in ("ocel2", "xes")}
    monkeypatch.setattr(reading, "AT_ONCE", 1)

    assert {kind: printed("--format", kind) for kind in whole} == whole


def test_the_file_is_whole_or_what_was_there(
    lived: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, stderr = tmp_path / "log.xes", StringIO()
    path.write_text("before")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("orchestrator.mining.saving.os.fsync", full)
        with pytest.raises(CommandError, match="No space left"):
            call_command("export_events", "--format", "xes", "--out", str(path), stderr=stderr)
    assert [child.read_text() for child in tmp_path.iterdir()] == ["before"]

    call_command("export_events", "--format", "xes", "--out", str(path), stderr=stderr)

    assert path.read_text() == printed("--format", "xes")
    assert path.stat().st_mode & 0o777 == 0o600
    count = Event.objects.filter(stream__startswith="case:").count()
    assert stderr.getvalue() == f"{count} events in {path}.\n"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_told_how_far_it_is(
    lived: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.management.commands.export_events.TOLD", 5)
    terminal = Terminal()

    call_command("export_events", format="ocel2", out=tmp_path / "log.json", stderr=terminal)

    assert "5 events …\n10 events …\n" in terminal.getvalue()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--workflow", "nothing"], "There is no workflow 'nothing'"),
        (["--from", "yesterday"], "--from wants a day"),
        (["--until", "2026-13-01"], "--until wants a day"),
        (["--out", "/nowhere/at/all"], "Cannot write /nowhere/at/all: No such file"),
    ],
)
def test_what_cannot_be_is_said(more: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        printed("--format", "xes", *more)


def test_each_event_that_pages_tell_of_a_case_has_its_transition() -> None:
    others = {"workflow", "agent", "record", "version"}
    of_cases = {name for name in EVENTS if name.partition(".")[0] not in others}

    assert lifecycle.TRANSITIONS.keys() == of_cases


def test_content_of_cases_stays_inside(lived: Workflow) -> None:
    for kind in ("ocel2", "xes"):
        text = printed("--format", kind, "--names")
        assert not any(value in text for value in ("Kantine", "42.5", "A receipt"))
        assert Counter(text)["\n"] > 10


def test_an_unfinished_task_says_its_state(expenses: Workflow) -> None:
    task = Task.objects.get(pk=world.in_review(expenses).pk)

    (row,) = of_type(ocel(), "task", "objects")

    assert said(row)["state"] == task.state
    assert related(row) == {"part of": f"case-{task.case_id}"}


def test_the_page_has_every_transition() -> None:
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([a-z ]+) \| (\w+) \|$", PAPER, re.MULTILINE)

    assert {name: (aspect, moved) for name, aspect, moved in rows} == {
        name: (moved.aspect or "the step", moved.transition)
        for name, moved in lifecycle.TRANSITIONS.items()
    }


def test_the_samples_of_the_page_are_what_is_written(expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "approved")
    (line,) = re.findall(r"^```json\n(.*?)\n```", PAPER, re.MULTILINE | re.DOTALL)
    (text,) = re.findall(r"^```xml\n(.*?)\n```", PAPER, re.MULTILINE | re.DOTALL)
    (made,) = of_type(ocel(), "decision.made")
    event = next(row for row in events_of(xes()) if row["event"] == "decision.made")

    assert masked(line) == masked(json.dumps(made, separators=(",", ":")))
    assert masked(text) in masked(printed("--format", "xes"))
    assert event.keys() <= set(re.findall(r"`([a-z:]+)`", PAPER))


def masked(text: str) -> str:
    """Without its times, and with the same number in each id."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "TIME", text)
    return re.sub(r"(case|task|version|person|decision)-\d+", r"\1-1", text)
