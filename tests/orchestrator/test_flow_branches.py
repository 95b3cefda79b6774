"""Forks, repetitions over lists, and the joins that wait for them."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator import engine
from orchestrator.engine import branching
from orchestrator.exceptions import Invalid
from orchestrator.models import Event
from tests import world
from tests.orchestrator.flows import (
    READER,
    answered,
    asked,
    begun,
    definition,
    open_steps,
    published,
    step,
    task_of,
    told,
)

pytestmark = pytest.mark.django_db


def fork(**flow: Any) -> str:
    return definition(
        [
            step("split", "fork", flow={"join": "meet", **flow}),
            asked("law"),
            asked("money"),
            asked("risk"),
            step("meet", "join"),
            asked("last"),
        ],
        "split law",
        "split money",
        ("split risk", {"fact": "case/big", "op": "eq", "value": True}),
        "law meet",
        "money meet",
        "risk meet",
        "meet last",
        "last done",
        data={"type": "object", "properties": {"big": {"type": "boolean"}}},
    )


def test_a_fork_goes_every_way_that_holds_and_its_join_fires_once() -> None:
    case = begun(published(fork()))
    assert open_steps(case) == ["meet", "law", "money"]

    answered(case, "law", "fine")
    assert open_steps(case) == ["meet", "money"]
    assert told(case).data == {}

    answered(case, "money", "enough")
    assert open_steps(case) == ["last"]
    assert told(case).data == {"law": {"text": "fine"}, "money": {"text": "enough"}}
    assert case.provenance["/law"]["task"] == task_of(case, "law").pk

    answered(case, "last")
    assert told(case).state == "completed"
    assert Event.objects.filter(type="task.opened", payload__step="last").count() == 1
    assert engine.orphans() == []


@pytest.mark.parametrize(("wanted", "answers"), [("any", ["law"]), (2, ["law", "risk"])])
def test_a_join_calls_off_the_branches_it_does_not_wait_for(
    wanted: Any, answers: list[str]
) -> None:
    case = begun(published(fork(complete_when=wanted)), {"big": True})

    for key in answers:
        assert "last" not in open_steps(case)
        answered(case, key)

    assert open_steps(case) == ["last"]
    assert task_of(case, "money").state == "cancelled"
    assert task_of(case, "money").seats.get().state == "withdrawn"
    assert "money" not in told(case).data


def test_a_rejected_branch_has_arrived_and_the_exits_can_ask_for_it() -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet"}),
            asked("law"),
            asked("money"),
            step("meet", "join"),
            asked("last"),
            step("refused", "end", outcome="refused"),
        ],
        "split law",
        "split money",
        "law meet",
        "money meet",
        ("meet refused", {"fact": "rejected", "op": "ge", "value": 1}),
        "meet last",
        "last done",
    )
    case = begun(published(text))

    world.decided(task_of(case, "law"), "bea", "rejected", comment="No.")
    assert told(case).state == "open"
    answered(case, "money")

    assert (told(case).state, case.outcome) == ("completed", "refused")


def lines(**flow: Any) -> str:
    return definition(
        [
            step(
                "each",
                "for_each",
                flow={"items": "/lines", "join": "all", "collect": "/checked", **flow},
            ),
            asked("check", input={"name": "/item/name"}),
            step("note", "decision", schema={"type": "string"}, output={"/kind": ""},
                 flow={"rows": [
                     {"when": {"fact": "case/check/text", "op": "eq", "value": "bad"},
                      "output": "bad"},
                     {"output": "good"},
                 ]}),
            step("all", "join"),
        ],
        "each check",
        "check note",
        "note all",
        "all done",
        data={
            "type": "object",
            "properties": {
                "lines": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"name": {"type": "string"}}},
                }
            },
        },
    )  # fmt: skip


def items(count: int) -> dict[str, Any]:
    return {"lines": [{"name": f"n-{number}"} for number in range(count)]}


def test_each_item_has_its_branch_so_many_at_once_and_all_are_collected_in_order() -> None:
    case = begun(published(lines(at_once=2)), items(5))
    assert case.tasks.filter(step_key="check").count() == 2

    while case.tasks.filter(step_key="check", state="in_review").exists():
        latest = case.tasks.filter(step_key="check", state="in_review").order_by("-id")[0]
        number = int(latest.scope.rpartition(".")[2])
        assert engine.data_of(latest)["item"] == {"name": f"n-{number}"}
        text = "bad" if number == 3 else f"t-{number}"
        world.decided(latest, "bea", "responded", output={"text": text})
        assert case.tasks.filter(state="in_review").count() <= 2

    checked = told(case).data["checked"]
    assert [row["kind"] for row in checked] == ["good", "good", "good", "bad", "good"]
    assert [row["check"]["text"] for row in checked] == ["t-0", "t-1", "t-2", "bad", "t-4"]
    assert case.data.keys() == {"lines", "checked"}
    assert case.state == "completed"
    assert engine.orphans() == []


def test_no_items_is_a_list_that_is_done() -> None:
    case = begun(published(lines()), items(0))

    assert (told(case).state, case.data["checked"]) == ("completed", [])


def test_any_item_is_enough_where_the_version_says_so() -> None:
    case = begun(published(lines(complete_when="any")), items(3))

    answered(case, "check")

    assert told(case).state == "completed"
    assert [row is None for row in case.data["checked"]] == [False, True, True]


def test_what_is_no_list_stops_with_an_incident_and_goes_on_when_it_is_mended() -> None:
    place = published(lines())
    case = begun(place, {})

    incident = task_of(case, "each").incidents.get()
    assert "finds no list at /lines" in incident.detail["message"]

    dora = world.actor("dora")
    with pytest.raises(Invalid, match="Without its branches nothing can go on"):
        engine.skip_step(incident.pk, actor=dora, reason="Never mind.")

    case.data = items(1)
    case.save(update_fields=["data"])
    engine.retry(incident.pk, actor=dora)
    answered(case, "check")
    assert told(case).state == "completed"


def test_more_items_than_a_case_bears_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branching, "MOST_ITEMS", 2)

    case = begun(published(lines()), items(3))

    incident = task_of(case, "each").incidents.get()
    assert "finds 3 items; 2 are the most" in incident.detail["message"]
    assert open_steps(case) == ["each"]


def test_a_fork_of_which_no_way_holds_stops_with_an_incident() -> None:
    text = definition(
        [step("split", "fork", flow={"join": "meet"}), asked("law"), step("meet", "join")],
        ("split law", {"fact": "case/big", "op": "eq", "value": True}),
        "law meet",
        "meet done",
        data={"type": "object", "properties": {"big": {"type": "boolean"}}},
    )

    case = begun(published(text), {"big": False})

    assert "No transition leads on" in task_of(case, "split").incidents.get().detail["message"]
    assert engine.orphans() == []


def test_branches_that_take_no_time_fire_their_join_once() -> None:
    table: dict[str, Any] = {"schema": {"type": "string"}, "flow": {"rows": [{"output": "yes"}]}}
    text = definition(
        [
            step("split", "fork", flow={"join": "meet", "complete_when": "any"}),
            step("law", "decision", **table),
            step("money", "decision", **table),
            step("meet", "join"),
            asked("last"),
        ],
        "split law",
        "split money",
        "law meet",
        "money meet",
        "meet last",
        "last done",
    )

    case = begun(published(text))

    assert open_steps(case) == ["last"]
    assert task_of(case, "meet").arrived == 1


def test_branches_inside_branches() -> None:
    text = definition(
        [
            step("outer", "fork", flow={"join": "end_outer"}),
            asked("alone"),
            step("inner", "for_each",
                 flow={"items": "/lines", "join": "end_inner", "collect": "/found"}),
            asked("check"),
            step("end_inner", "join"),
            asked("sum"),
            step("end_outer", "join"),
        ],
        "outer alone",
        "outer inner",
        "alone end_outer",
        "inner check",
        "check end_inner",
        "end_inner sum",
        "sum end_outer",
        "end_outer done",
        data={"type": "object", "properties": {"lines": {"type": "array"}}},
    )  # fmt: skip
    case = begun(published(text), {"lines": [1, 2]})

    answered(case, "check", "a")
    answered(case, "check", "b")
    total = task_of(case, "sum")
    assert engine.data_of(total)["found"] == [{"check": {"text": "a"}}, {"check": {"text": "b"}}]
    assert told(case).data == {"lines": [1, 2]}

    answered(case, "sum", "two")
    answered(case, "alone", "x")
    assert told(case).state == "completed"
    assert case.data["sum"] == {"text": "two"}
    assert [row["check"]["text"] for row in case.data["found"]] == ["a", "b"]
    assert case.provenance["/sum"]["task"] == total.pk
    assert case.provenance["/found"]["step"] == "end_inner"
    assert "/check" not in case.provenance


def test_who_wrote_in_an_inner_fork_is_known_in_the_case_file() -> None:
    text = definition(
        [
            step("outer", "fork", flow={"join": "end_outer"}),
            asked("alone"),
            step("inner", "fork", flow={"join": "end_inner"}),
            asked("law"),
            asked("money"),
            step("end_inner", "join"),
            step("end_outer", "join"),
        ],
        "outer alone",
        "outer inner",
        "alone end_outer",
        "inner law",
        "inner money",
        "law end_inner",
        "money end_inner",
        "end_inner end_outer",
        "end_outer done",
    )
    case = begun(published(text))

    for key in ("law", "money", "alone"):
        answered(case, key)

    wrote = {path: row["step"] for path, row in told(case).provenance.items()}
    assert wrote == {"/law": "law", "/money": "money", "/alone": "alone"}


def test_no_branch_is_told_what_another_one_said() -> None:
    reading: dict[str, Any] = {"actor": "reader", "schema": {"type": "object"}}
    people = [{"mode": "review", "group": "Expense reviewers"}]
    text = definition(
        [
            asked("before"),
            step("split", "fork", flow={"join": "meet"}),
            asked("law"),
            step("read", "agent", call={"brief": True}, rights=people, **reading),
            step("meet", "join"),
        ],
        "before split",
        "split law",
        "split read",
        "law meet",
        "read meet",
        "meet done",
        **READER,
    )
    case = begun(published(text))
    answered(case, "before")
    answered(case, "law")

    brief = engine.brief_of(task_of(case, "read"))

    assert brief
    assert [row["step"] for row in brief["history"]] == ["before"]


def test_what_two_branches_write_is_merged_by_its_rule() -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet", "merge": {"/notes": "append"}}),
            asked("law", output={"/notes": "/text"}),
            asked("money", output={"/notes": "/text"}),
            step("meet", "join"),
        ],
        "split law",
        "split money",
        "law meet",
        "money meet",
        "meet done",
    )
    case = begun(published(text))

    answered(case, "money", "second")
    answered(case, "law", "first")

    assert told(case).data == {"notes": ["first", "second"]}


def test_cancelling_a_case_cancels_its_branches() -> None:
    case = begun(published(fork()))

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    assert open_steps(case) == []
    assert told(case).state == "cancelled"
