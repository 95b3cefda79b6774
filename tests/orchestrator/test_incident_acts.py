"""What a person can do about one incident: another input, another performer, the way back."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_httpserver import HTTPServer

from orchestrator import engine
from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.exceptions import Invalid
from orchestrator.models import Event, Incident, Seat
from tests import world
from tests.orchestrator.flows import answered, asked, begun, open_steps, step
from tests.orchestrator.register import Register, booking
from tests.orchestrator.register import begun as register_case
from tests.orchestrator.troubles import (
    act_on,
    broken,
    case_of,
    done_to_many,
    failing,
    reading,
    signed_in,
    task_of,
    undoable,
    worked,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def incident() -> Incident:
    return broken(failing())


@pytest.fixture
def lea(incident: Incident) -> Client:
    return signed_in("lea")


def hand(client: Client, incident: Incident, to: str) -> Any:
    return client.post(reverse("hand_over", args=[incident.pk]), {"to": to})


def give(client: Client, incident: Incident, text: str, **more: str) -> Any:
    return client.post(reverse("edit_input", args=[incident.pk]), {"input": text, **more})


def test_a_step_is_tried_again_with_another_input(incident: Incident, lea: Client) -> None:
    page = lea.get(reverse("edit_input", args=[incident.pk])).content.decode()
    assert "&quot;text&quot;: &quot;A receipt&quot;" in page

    give(lea, incident, '{"text": "Another receipt"}')

    assert (task_of(incident).state, task_of(incident).given) == (
        "ready",
        {"text": "Another receipt"},
    )
    worked()
    assert task_of(incident).tries.latest("number").input == {"text": "Another receipt"}
    assert case_of(incident).data == {"text": "A receipt"}
    event = Event.objects.get(type="input.replaced")
    assert str(event.actor) == "lea"
    assert "receipt" not in str(event.payload)
    assert event.payload["before"] != event.payload["after"]


def test_the_input_of_the_case_file_comes_back(incident: Incident, lea: Client) -> None:
    give(lea, incident, '{"text": "Another receipt"}')
    worked()
    again = Incident.objects.get(state="open")

    give(lea, again, "whatever", mapped="1")
    worked()

    assert task_of(again).tries.latest("number").input == {"text": "A receipt"}


@pytest.mark.parametrize(
    ("text", "said"),
    [("{text: 1}", "is not JSON"), ("[1]", "an object"), ('{"a": 1, "a": 2}', "stands twice")],
)
def test_what_is_no_input_comes_back_as_it_was_typed(
    incident: Incident, lea: Client, text: str, said: str
) -> None:
    answer = give(lea, incident, text)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert answer.context["typed"] == text
    assert task_of(incident).state == "failed"


def test_a_step_without_input_says_so(lea: Client) -> None:
    held = broken(failing([step("zone", "decision", schema={"enum": ["near"]}, flow={"rows": [
        {"when": {"fact": "case/text", "op": "eq", "value": "no"}, "output": "near"}]})],
        "zone done"), key="c-2")  # fmt: skip

    page = lea.get(reverse("edit_input", args=[held.pk])).content.decode()
    answer = give(lea, held, "{}")

    assert "This step takes no input" in page
    assert answer.status_code == 422


def test_a_named_person_does_the_step_instead(incident: Incident, lea: Client) -> None:
    page = lea.get(reverse("hand_over", args=[incident.pk])).content.decode()
    assert "Anybody of Expense reviewers" in page

    hand(lea, incident, "bea")

    seat = Seat.objects.get(state="open")
    assert (str(seat.assigned_to), str(seat.assigned_by)) == ("bea", "lea")
    assert engine.orphans() == []
    bea = signed_in("bea")
    shown = bea.post(f"/review/tasks/{seat.task_id}/claim/", follow=True)
    text = shown.content.decode()
    assert "you do it instead" in text
    assert "A receipt" in text
    assert shown.context["screen"].shown.allowed == ["responded", "rejected"]
    assert 'value="approved"' not in text
    bea.post(
        f"/review/tasks/{seat.task_id}/decide/",
        {
            "claim_token": str(Seat.objects.get(pk=seat.pk).claim_token),
            "digest": shown.context["screen"].shown.digest,
            "decision": "responded",
            "f/sum": "12",
        },
    )

    case = case_of(incident)
    assert (case.state, case.data["read"]) == ("completed", {"sum": 12})
    incident.refresh_from_db()
    assert incident.resolution == "handed_over"


def test_a_group_does_it_and_others_do_not(incident: Incident, lea: Client) -> None:
    hand(lea, incident, "*")

    seat = Seat.objects.get(state="open")
    assert (seat.group.name, seat.assigned_to) == ("Expense reviewers", None)
    assert signed_in("lea").post(f"/review/tasks/{seat.task_id}/claim/").status_code == 403


def test_what_the_rules_block_nobody_types_in(incident: Incident, lea: Client) -> None:
    hand(lea, incident, "bea")
    task = task_of(incident)

    with pytest.raises(Invalid, match="block this value"):
        world.decided(task, "bea", "responded", output={"sum": 5000})
    with pytest.raises(Invalid, match="does not fit"):
        world.decided(task, "bea", "responded", output={"sum": "much"})
    with pytest.raises(Invalid, match="Choose one of"):
        world.decided(task, "bea", "approved")


def test_who_may_not_do_it_is_refused_with_the_reason(incident: Incident, lea: Client) -> None:
    answer = hand(lea, incident, "lea")

    assert answer.status_code == 403
    assert "Expense reviewers decide here" in answer.content.decode()
    assert (task_of(incident).state, Seat.objects.count()) == ("failed", 0)


def test_without_a_rule_that_asks_people_it_says_what_to_do(lea: Client) -> None:
    held = broken(failing([reading(kind="automation", rights=[])]), key="c-2")

    for answer in (lea.get(reverse("hand_over", args=[held.pk])), hand(lea, held, "bea")):
        assert answer.status_code == 422
        assert "No rule of this step asks people" in answer.content.decode()
    assert task_of(held).state == "failed"


def test_two_do_it_where_the_rule_asks_two_and_who_escalates_leaves_it_to_others(
    lea: Client,
) -> None:
    dual = {"mode": "dual", "group": "Expense reviewers", "escalates_to": "Expense leads"}
    held = broken(failing([reading(rights=[dual])]), key="c-2")
    world.person("alice", "Expense reviewers")
    page = lea.get(reverse("hand_over", args=[held.pk]))
    why_not = {one.username: bool(one.why_not) for one in page.context["people"]}
    assert why_not == {"bea": False, "ben": False, "alice": True}, "alice brought the case"
    hand(lea, held, "bea")
    task = task_of(held)

    assert [str(seat.assigned_to) for seat in task.seats.order_by("number")] == ["bea", "None"]
    world.decided(task, "bea", "responded", output={"sum": 12})
    assert task_of(held).state == "in_review"
    world.decided(task, "ben", "escalated")
    world.decided(task, "lea", "responded", output={"sum": 12})

    assert (task_of(held).state, task_of(held).output) == ("completed", {"sum": 12})


def test_a_write_that_may_have_happened_is_reconciled_and_gets_no_other_input(
    httpserver: HTTPServer, settings: Any
) -> None:
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    register = Register(httpserver)
    register.stumbles = [-503]
    place = booking(register, "in_doubt_to_human")
    for name in ("bea", "ben"):
        world.person(name).groups.remove(Group.objects.get(name="Expense reviewers"))
    register_case(place)
    engine.work_until_idle()
    held = Incident.objects.get(kind="in_doubt")
    world.person("bea").groups.add(Group.objects.get(name="Expense reviewers"))
    client = signed_in("lea")

    assert give(client, held, "{}").status_code == 422
    hand(client, held, "bea")

    seat = Seat.objects.get(state="open")
    assert (seat.purpose, str(seat.assigned_to)) == ("reconcile", "bea")


def test_a_case_that_was_handed_over_goes_to_a_new_version_as_such(
    incident: Incident, lea: Client
) -> None:
    """Whatever its machine once gave: that was not what people were asked about."""
    task = task_of(incident)
    given = {"number": 2, "output": {"sum": 1}, "finished_at": timezone.now()}
    task.tries.create(actor=task.tries.get().actor, **given)
    hand(lea, incident, "*")
    failing([reading(name="Read it")])
    old, new = case_of(incident).workflow.versions.order_by("number")
    plan = engine.plan_of(old, new, {"read": "read"})

    engine.migrate(plan, actor=world.actor("alice"))
    done_to_many()

    assert case_of(incident).version.number == 2
    world.decided(task_of(incident), "bea", "responded", output={"sum": 12})
    assert case_of(incident).data["read"] == {"sum": 12}


def test_an_output_that_nobody_could_decide_is_asked_about_once_more(lea: Client) -> None:
    task = world.in_review(world.workflow())
    with acting(task.case_id) as act:
        held = open_incident(act, locked_task(act, task.pk), "split", "They differ.")

    hand(lea, held, "ben")

    seat = Seat.objects.get(state="open", task=task)
    assert (str(seat.assigned_to), task_of(held).proposal) == ("ben", world.LUNCH)
    world.decided(task, "ben", "approved")


def test_a_human_step_is_asked_again_of_that_person(lea: Client) -> None:
    case = begun(failing([asked("look"), reading()], "look read", "read done"), key="c-2")
    with acting(case.pk) as act:
        task = locked_task(act, case.tasks.get().pk)
        held = open_incident(act, task, "nobody", "Nobody is there.")

    hand(lea, held, "ben")

    assert str(Seat.objects.get(state="open", task=task).assigned_to) == "ben"
    answered(case, "look", by="ben")


def test_cancelling_says_what_it_undoes_and_undoes_it(lea: Client) -> None:
    case = begun(undoable(), {"text": "x"}, key="c-2")
    answered(case, "book")
    worked()
    held = Incident.objects.get(task__case=case)
    page = lea.get(reverse("case", args=[case.pk])).content.decode()
    assert "<ol><li>Book</li></ol>" in page

    act = reverse("incident", args=[held.pk, "compensate"])
    told = lea.post(act, {"reason": "Sent twice."}, follow=True).content.decode()

    assert "Being undone, newest first: Book." in told
    assert (case_of(held).state, open_steps(case)) == ("cancelling", ["unbook"])
    answered(case, "unbook")
    assert case_of(held).state == "cancelled"


def test_where_nothing_names_its_undo_nothing_is_undone(incident: Incident, lea: Client) -> None:
    page = lea.get(reverse("case", args=[case_of(incident).pk])).content.decode()

    assert "Cancel and undo" not in page
    assert act_on(incident, "lea", "compensate", reason="No.").status_code == 422
    assert case_of(incident).state == "open"


def test_somebody_looks_after_it_until_nobody_does(incident: Incident, lea: Client) -> None:
    act_on(incident, "dora", "assign", to="")
    act_on(incident, "dora", "assign", to="lea")

    def mine(client: Client) -> int:
        return len(client.get("/incidents/?assigned=me").context["groups"])

    assert (mine(lea), mine(signed_in("dora"))) == (1, 0)
    group = lea.get(f"/incidents/?assigned=me&group={incident.fingerprint}").content.decode()
    assert "you look after it" in group
    assert "Lea looks after it" in signed_in("dora").get("/incidents/").content.decode()
    told = lea.get(reverse("case", args=[case_of(incident).pk])).content.decode()
    assert "asked Lea to look after the trouble at “Read”" in told
    act_on(incident, "lea", "assign", to="")
    incident.refresh_from_db()
    assert incident.assigned_to is None
    assert list(
        Event.objects.filter(type__startswith="incident.").values_list("type", flat=True)
    ) == ["incident.opened", "incident.assigned", "incident.unassigned"]


def test_only_who_resolves_there_looks_after_it(incident: Incident) -> None:
    answer = act_on(incident, "lea", "assign", to="bea")

    assert answer.status_code == 403
    assert "bea does not hold the right" in answer.content.decode()


@pytest.mark.parametrize("page", ["hand_over", "edit_input"])
@pytest.mark.parametrize(("name", "status"), [("bea", 403), ("cara", 403), ("carl", 404)])
def test_who_does_not_resolve_does_neither(
    incident: Incident, name: str, status: int, page: str
) -> None:
    client = signed_in(name)
    address = reverse(page, args=[incident.pk])

    assert client.get(address).status_code == status
    assert client.post(address, {"to": "bea", "input": "{}"}).status_code == status
    assert task_of(incident).state == "failed"
