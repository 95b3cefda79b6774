"""Where flows meet what goes wrong: stuck joins, undoing twice, rework inside branches."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from orchestrator import engine
from orchestrator.connectors import PermanentError
from orchestrator.engine import failing
from orchestrator.exceptions import Invalid
from orchestrator.models import Case, Connection, Incident, Seat, Task, Timer
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
from tests.waiting import sent_back

pytestmark = pytest.mark.django_db

NUMBER = {"type": "object", "properties": {"go": {"type": "boolean"}}}


def incident_of(case: Case, key: str) -> Incident:
    return Incident.objects.get(task=task_of(case, key), state="open")


# --- Branches


def test_a_join_that_leads_nowhere_leads_on_once_that_is_mended() -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet"}),
            asked("law"),
            asked("money"),
            step("meet", "join"),
            asked("last"),
        ],
        "split law",
        "split money",
        "law meet",
        "money meet",
        ("meet last", {"fact": "case/go", "op": "eq", "value": True}),
        "last done",
        data=NUMBER,
        signals={"mended": {"/go": "/go"}},
    )
    case = begun(published(text))
    answered(case, "law")
    answered(case, "money")
    found = incident_of(case, "meet")
    assert found.kind == "stuck"
    alice, dora = world.actor("alice"), world.actor("dora")

    engine.retry(found.pk, actor=dora)
    assert incident_of(case, "meet").kind == "stuck"
    assert engine.orphans() == []

    engine.signal(case.pk, actor=alice, name="mended", message_id="1", data={"go": True})
    engine.retry(incident_of(case, "meet").pk, actor=dora)
    assert open_steps(case) == ["last"]
    assert told(case).data["law"] == {"text": "yes"}


@pytest.mark.parametrize(
    ("rule", "notes"), [("append", ["new", "other"]), ("first", "new"), ("last", "other")]
)
def test_a_branch_that_was_done_anew_is_merged_as_it_is_now(rule: str, notes: Any) -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet", "merge": {"/notes": rule}}),
            asked("law", output={"/notes": "/text"}),
            asked("check", rework={"to": ["law"]}, output={"/checked": "/text"}),
            asked("money", output={"/notes": "/text"}),
            step("meet", "join"),
        ],
        "split law",
        "split money",
        "law check",
        "check meet",
        "money meet",
        "meet done",
    )
    case = begun(published(text))
    answered(case, "money", "other")
    answered(case, "law", "old")
    sent_back(task_of(case, "check"), to="law")
    answered(case, "law", "new")
    answered(case, "check", "ok")

    assert told(case).data["notes"] == notes
    author = task_of(case, "law" if rule == "first" else "money")
    assert case.provenance["/notes"]["task"] == author.pk
    assert (case.state, engine.orphans()) == ("completed", [])


def test_what_a_branch_wrote_last_counts_whatever_the_clock_did() -> None:
    text = definition(
        [
            step("split", "fork", flow={"join": "meet"}),
            asked("law"),
            asked("check", rework={"to": ["law"]}),
            step("meet", "join"),
        ],
        "split law",
        "law check",
        "check meet",
        "meet done",
    )
    case = begun(published(text))
    answered(case, "law", "old")
    sent_back(task_of(case, "check"), to="law")
    answered(case, "law", "new")
    # The clock went back by a day between the two visits.
    Task.objects.filter(pk=task_of(case, "law").pk).update(finished_at="2020-01-01T00:00:00Z")

    assert engine.data_of(task_of(case, "check"))["law"] == {"text": "new"}
    answered(case, "check")
    assert told(case).data["law"] == {"text": "new"}


def test_a_machine_is_not_handed_what_its_join_called_off_in_the_same_breath() -> None:
    agent = step("read", "agent", actor="reader", schema={"type": "object"},
                 rights=[{"mode": "review", "group": "Expense reviewers"}])  # fmt: skip
    text = definition(
        [
            {**agent, "key": "begin", "name": "Begin",
             "rights": [{"mode": "auto", "when": {"fact": "confidence", "op": "ge", "value": 0.9}},
                        *agent["rights"]]},
            step("split", "fork", flow={"join": "meet", "complete_when": "any"}),
            agent,
            step("rank", "decision", schema={"type": "integer"}, flow={"rows": [{"output": 1}]}),
            step("meet", "join"),
            asked("last"),
        ],
        "begin split",
        "split read",
        "split rank",
        "read meet",
        "rank meet",
        "meet last",
        "last done",
        **READER,
    )  # fmt: skip
    case = begun(published(text))
    Connection.objects.update(settings={"output": {"a": 1}, "confidence": 0.95})
    work = engine.claim_work()
    assert work

    assert engine.perform(work, hand_on=True) is None

    assert task_of(case, "read").state == "cancelled"
    assert open_steps(case) == ["last"]


# --- Undoing


def undoing(**more: Any) -> str:
    return definition(
        [
            asked("book", compensated_by="unbook"),
            asked("check", rework={"to": ["book"]}, compensated_by="unbook"),
            asked("last"),
            asked("unbook", input={"what": "/undoes/output"}, **more),
        ],
        "book check",
        "check last",
        "last done",
    )


def test_one_step_undoes_several_others_and_each_of_their_visits() -> None:
    case = begun(published(undoing()))
    answered(case, "book", "a room")
    sent_back(task_of(case, "check"), to="book")
    answered(case, "book", "a better room")
    answered(case, "check", "checked")

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    undone = []
    for _ in range(3):
        assert open_steps(case) == ["unbook"]
        undone.append(engine.data_of(task_of(case, "unbook"))["undoes"]["output"]["text"])
        answered(case, "unbook")
    assert undone == ["checked", "a better room", "a room"]
    assert (told(case).state, engine.orphans()) == ("cancelled", [])


def test_an_undoing_is_never_sent_back() -> None:
    case = begun(published(undoing(rework={"to": ["unbook"]})))
    answered(case, "book", "a room")
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    with pytest.raises(Invalid):
        sent_back(task_of(case, "unbook"), to="unbook")

    answered(case, "unbook")
    assert (told(case).state, engine.orphans()) == ("cancelled", [])


@pytest.mark.parametrize("by", ["nobody in time", "a rule"])
def test_an_undoing_that_only_the_version_rejects_is_an_incident(by: str) -> None:
    silent = {"mode": "review", "group": "Expense reviewers", "on_timeout": "rejected"}
    unbook = asked("unbook", rights=[silent])
    if by == "a rule":
        rights = [{"mode": "block"}, silent]
        unbook = step("unbook", "agent", actor="reader", schema={"type": "object"}, rights=rights)
    connection = {"kind": "fake", "settings": {"output": {}}}
    text = definition(
        [asked("book", compensated_by="unbook"), asked("last"), unbook],
        "book last",
        "last done",
        **READER | {"connections": {"reader": connection}},
    )
    case = begun(published(text))
    answered(case, "book")
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    engine.work_until_idle()
    Seat.objects.filter(state="open").update(due_at="2020-01-01T00:00Z")
    engine.expire_seats()

    incident = incident_of(case, "unbook")
    assert (incident.kind, told(case).state) == ("not_undone", "cancelling")
    assert "Book is not undone" in incident.detail["message"]
    if by == "a rule":
        engine.skip_step(incident.pk, actor=world.actor("dora"), reason="By hand.")
    else:
        engine.retry(incident.pk, actor=world.actor("dora"))
        answered(case, "unbook")
    assert (told(case).state, engine.orphans()) == ("cancelled", [])


def test_a_person_may_say_that_something_stays_done() -> None:
    case = begun(published(undoing()))
    answered(case, "book", "a room")
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")

    world.decided(task_of(case, "unbook"), "bea", "rejected", comment="They keep the fee.")

    assert (told(case).state, Incident.objects.count()) == ("cancelled", 0)


def test_an_undoing_that_cannot_be_made_is_skipped_with_a_reason() -> None:
    text = definition(
        [
            asked("book", compensated_by="unbook"),
            asked("pay", compensated_by="unpay"),
            asked("last"),
            step("unbook", "agent", actor="reader", schema={"type": "object"},
                 rights=[{"mode": "review", "group": "Expense reviewers"}]),
            asked("unpay"),
        ],
        "book pay",
        "pay last",
        "last done",
        **READER,
    )  # fmt: skip
    case = begun(published(text))
    answered(case, "book")
    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="Sent twice.")
    work = engine.claim_work()
    assert work
    failing.fail(work, {}, PermanentError("gone"))

    engine.skip_step(incident_of(case, "unbook").pk, actor=world.actor("dora"), reason="By hand.")

    assert (told(case).state, engine.orphans()) == ("cancelled", [])


# --- Waits


def test_a_wait_that_begins_anew_lasts_its_whole_time() -> None:
    text = definition(
        [step("pay", "event", flow={"signal": "paid", "within": "30d"}), asked("last")],
        ("pay last", {"fact": "case/pay/amount", "op": "gt", "value": 1}),
        "last done",
    )
    case = begun(published(text))
    alice, dora = world.actor("alice"), world.actor("dora")
    engine.signal(case.pk, actor=alice, name="paid", message_id="1", data={"amount": 1})
    Timer.objects.update(due_at="2020-01-01T00:00:00Z")

    engine.retry(incident_of(case, "pay").pk, actor=dora)
    engine.fire_timers()

    assert task_of(case, "pay").state == "waiting"
    engine.signal(case.pk, actor=alice, name="paid", message_id="2", data={"amount": 5})
    assert open_steps(case) == ["last"]


def test_a_called_case_that_ends_just_before_its_caller_is_cancelled_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    published(definition([asked("look")], "look done", workflow="child", name="Child"))
    text = definition([step("call", "subflow", flow={"workflow": "child"})], "call done")
    case = begun(published(text))
    child = Case.objects.get(workflow__slug="child")

    engine.cancel_case(case.pk, actor=world.actor("dora"), reason="No.")
    answered(child, "look")
    engine.fire_timers()

    assert (told(child).state, told(case).state) == ("completed", "cancelled")
    assert "broke" not in caplog.text
    assert not Timer.objects.filter(fired_at=None).exists()


def test_a_key_that_a_called_case_would_have_may_be_taken() -> None:
    child = published(definition([asked("look")], "look done", workflow="child", name="Child"))
    text = definition(
        [asked("first"), step("call", "subflow", flow={"workflow": "child"})],
        "first call",
        "call done",
    )
    case = begun(published(text))
    # The task of this case takes the next id, that of the call the one after.
    begun(child, key=f"{case.pk}/{task_of(case, 'first').pk + 2}/1")

    answered(case, "first")

    called = Case.objects.get(caller__case=case)
    assert called.key == f"{case.pk}/{task_of(case, 'call').pk}/2"


def test_an_automation_that_leads_nowhere_goes_on_when_that_is_mended() -> None:
    text = definition(
        [step("sort", "automation", actor="reader", schema={"type": "object"}), asked("last")],
        ("sort last", {"fact": "case/go", "op": "eq", "value": True}),
        "last done",
        data=NUMBER,
        signals={"mended": {"/go": "/go"}},
        connections=READER["connections"],
        actors={"reader": {"kind": "automation", "revision": "1", "connection": "reader"}},
    )
    case = begun(published(text))
    Connection.objects.update(settings={"output": {"a": 1}})
    engine.work_until_idle()
    assert incident_of(case, "sort").kind == "stuck"

    engine.signal(
        case.pk, actor=world.actor("alice"), name="mended", message_id="1", data={"go": True}
    )
    engine.retry(incident_of(case, "sort").pk, actor=world.actor("dora"))

    assert open_steps(case) == ["last"]
    assert task_of(case, "sort").attempts == 1


def test_a_called_case_that_led_nowhere_is_not_begun_again() -> None:
    published(definition([asked("look")], "look done", workflow="child", name="Child"))
    text = definition(
        [step("call", "subflow", flow={"workflow": "child"}), asked("last")],
        ("call last", {"fact": "case/go", "op": "eq", "value": True}),
        "last done",
        data=NUMBER,
        signals={"mended": {"/go": "/go"}},
    )
    case = begun(published(text))
    answered(Case.objects.get(caller__case=case), "look")
    engine.fire_timers()
    assert incident_of(case, "call").kind == "stuck"

    engine.signal(
        case.pk, actor=world.actor("alice"), name="mended", message_id="1", data={"go": True}
    )
    engine.retry(incident_of(case, "call").pk, actor=world.actor("dora"))

    assert Case.objects.filter(caller__case=case).count() == 1
    assert open_steps(case) == ["last"]


# --- Undo among several people


def several(case: str) -> str:
    rules: dict[str, dict[str, Any]] = {
        "dual": {"mode": "dual"},
        "panel": {"mode": "panel", "seats": 3, "approvals": 3},
        "five": {"mode": "panel", "seats": 3, "approvals": 2},
    }
    right = {"group": "Expense reviewers", "escalates_to": "Expense leads",
             "allowed": ["responded", "rejected", "escalated"], **rules[case]}  # fmt: skip
    return definition([asked("look", undo="10s", rights=[right])], "look done")


def test_undo_of_one_escalation_leaves_the_other_one() -> None:
    world.people()
    for name in ("lou", "lis"):
        world.person(name, "Leads", "Finance", "Expense leads")
    case = begun(published(several("dual")))
    look = task_of(case, "look")
    world.decided(look, "bea", "escalated")
    second = world.decided(look, "ben", "escalated")

    engine.undo(second.decision.pk, actor=world.actor("ben"))

    seats = Seat.objects.filter(task=look, state="open").order_by("level", "number")
    assert [(row.number, row.level) for row in seats] == [(2, 0), (1, 1)]


@pytest.mark.parametrize(("mode", "word"), [("panel", "rejected"), ("five", "responded")])
def test_undo_asks_those_again_whom_the_decision_made_needless(mode: str, word: str) -> None:
    world.people()
    world.person("bob", "Reviewers", "Finance", "Expense reviewers")
    case = begun(published(several(mode)))
    look = task_of(case, "look")
    value = {"text": "x"}
    world.decided(look, "bea", "responded", output=value)
    second = world.decided(look, "ben", word, output=value if word == "responded" else None)

    engine.undo(second.decision.pk, actor=world.actor("ben"))

    assert Seat.objects.filter(task=look, state="open", purpose="gate").count() == 2
    assert not Seat.objects.filter(task=look, state="open", purpose="adjudicate").exists()
    world.decided(look, "ben", "responded", output=value)
    third = Seat.objects.filter(task=look, state="open").first()
    if mode == "panel":
        assert third
        page = Client()
        page.force_login(world.person("bob"))
        shown = page.get(f"/review/tasks/{look.pk}/").content.decode()
        assert "Seat 3 of 3" in shown
        world.decided(look, "bob", "responded", output=value)
    look.refresh_from_db()
    assert (look.state, look.word) == ("decided", "responded")


def test_what_is_sent_back_is_not_kept_for_who_may_not_decide_it_any_more() -> None:
    text = definition(
        [asked("law"), asked("check", rework={"to": ["law"]})],
        "law check",
        "check done",
    )
    case = begun(published(text))
    answered(case, "law")
    world.person("bea").groups.clear()

    sent_back(task_of(case, "check"), by="ben", to="law")

    answered(case, "law", by="ben")
    assert open_steps(case) == ["check"]
