"""One act on many incidents: what is chosen, what becomes of each, and who sees how far it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orchestrator.engine.acts import acting, locked_task
from orchestrator.engine.incidents import open_incident
from orchestrator.models import Bulk, Case, Incident, Seat, Workflow
from tests.orchestrator.flows import begun
from tests.orchestrator.troubles import act_on, broken, done_to_many, failing, signed_in
from tests.world import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def place() -> Workflow:
    return failing()


@pytest.fixture
def three(place: Workflow) -> list[Incident]:
    return [broken(place, f"c-{number}") for number in range(3)]


@pytest.fixture
def lea(place: Workflow) -> Client:
    return signed_in("lea")


def begin(client: Client, act: str, incidents: Any = (), **more: Any) -> Any:
    ids = [incident.pk for incident in incidents]
    return client.post(reverse("begin_bulk"), {"act": act, "incident": ids, **more})


def states(incidents: list[Incident]) -> list[tuple[str, str]]:
    found = Incident.objects.in_bulk([one.pk for one in incidents])
    return [(found[one.pk].state, found[one.pk].resolution) for one in incidents]


def test_incidents_with_one_cause_are_one_line(three: list[Incident], lea: Client) -> None:
    page = lea.get("/incidents/")

    (group,) = page.context["groups"]
    assert (group.count, group.first, group.last) == (3, three[0].opened_at, three[2].opened_at)
    assert "The double said no" in group.example["text"]
    opened = lea.get(group.url)
    assert [row["case_key"] for row in opened.context["incidents"]] == ["c-2", "c-1", "c-0"]
    assert lea.get("/incidents/?kind=nobody").context["groups"] == []
    assert len(lea.get("/incidents/?kind=permanent&step=read").context["groups"]) == 1
    assert lea.get("/incidents/?step=elsewhere").context["groups"] == []


def test_causes_come_page_by_page(place: Workflow, lea: Client) -> None:
    for number in range(21):
        one = broken(place, f"c-{number}")
        Incident.objects.filter(pk=one.pk).update(fingerprint=f"cause-{number}")

    first = lea.get("/incidents/")
    second = lea.get(first.context["page"]["next_url"])

    assert len(first.context["groups"]) == 20
    assert [group.fingerprint for group in second.context["groups"]] == ["cause-0"]


def test_a_number_in_the_words_makes_no_other_cause(place: Workflow) -> None:
    def cause(key: str, message: str) -> str:
        case = begun(place, {}, key)
        with acting(case.pk) as act:
            task = locked_task(act, case.tasks.get().pk)
            return open_incident(act, task, "permanent", message).fingerprint

    one, other, third = (
        cause(key, f"Order {number} is unknown (HTTP {status})")
        for key, number, status in (("a", "A10023", 404), ("b", "A99120", 404), ("c", "A1", 503))
    )

    assert one == other != third


def test_those_that_are_ticked_are_tried_again_and_the_page_says_how_far(
    three: list[Incident], lea: Client
) -> None:
    answer = begin(lea, "retry", three[:2])

    before = lea.get(answer["Location"])
    assert before.context["counts"]["through"] == 0
    assert 'hx-trigger="every 2s"' in before.content.decode()
    done_to_many()
    assert states(three) == [("resolved", "retried")] * 2 + [("open", "")]
    after = lea.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "2 of 2" in after
    assert "every 2s" not in after
    assert "<html" not in after
    assert answer["Location"] in lea.get("/incidents/").content.decode()


def test_what_is_refused_stays_and_says_why(three: list[Incident], lea: Client) -> None:
    where = begin(lea, "retry", three)["Location"]
    act_on(three[1], "lea", "cancel", reason="Sent twice.")

    done_to_many()

    page = lea.get(where)
    assert page.context["counts"]["total"] == 3
    assert (page.context["counts"]["done"], page.context["counts"]["refused"]) == (2, 1)
    assert page.context["reasons"] == [("This incident was resolved meanwhile.", 1)]
    listed = lea.get(f"{where}?state=refused").context["rows"]
    assert [row["case_key"] for row in listed] == ["c-1"]


def test_each_is_judged_at_its_turn(three: list[Incident], lea: Client) -> None:
    begin(lea, "cancel", three, **{"cancel-reason": "Sent twice."})
    person("lea").groups.clear()

    done_to_many()

    assert states(three) == [("open", "")] * 3
    assert set(Bulk.objects.get().rows.values_list("state", flat=True)) == {"refused"}


def test_a_case_that_goes_on_again_is_not_cancelled_any_more(
    three: list[Incident], lea: Client
) -> None:
    begin(lea, "cancel", three, **{"cancel-reason": "Sent twice."})
    act_on(three[0], "lea", "retry")

    done_to_many()

    left = Case.objects.filter(state="open").values_list("key", flat=True)
    assert list(left) == ["c-0"]


def test_a_whole_cause_is_skipped_with_a_reason(three: list[Incident], lea: Client) -> None:
    cause = three[0].fingerprint

    assert begin(lea, "skip", cause=cause).status_code == 422
    begin(lea, "skip", cause=cause, **{"skip-reason": "Booked by hand."})
    done_to_many()

    assert states(three) == [("resolved", "skipped")] * 3
    assert set(Incident.objects.values_list("reason", flat=True)) == {"Booked by hand."}


def test_all_that_fit_the_filter_are_cancelled_and_no_others(
    place: Workflow, three: list[Incident], lea: Client
) -> None:
    more = {"all": "on", "q": "c-1", "cancel-reason": "Sent twice."}
    begin(lea, "cancel", **more)
    done_to_many()

    cancelled = Case.objects.filter(state="cancelled").values_list("key", flat=True)
    assert list(cancelled) == ["c-1"]


def test_a_cause_is_given_to_somebody(three: list[Incident], lea: Client) -> None:
    begin(lea, "assign", three, to="dora")
    done_to_many()

    assert {str(one.assigned_to) for one in Incident.objects.all()} == {"dora"}


def test_steps_are_handed_over_to_those_whom_they_ask(three: list[Incident], lea: Client) -> None:
    assert 'value="hand"' in lea.get("/incidents/").content.decode()

    where = begin(lea, "hand", three)["Location"]
    done_to_many()

    assert states(three) == [("resolved", "handed_over")] * 3
    seats = Seat.objects.filter(state="open", task__incidents__in=three)
    assert {seat.group.name for seat in seats} == {"Expense reviewers"}
    assert len(seats) == 3
    assert "Hand steps over" in lea.get(where).content.decode()


def test_what_cannot_be_done_begins_nothing(three: list[Incident], lea: Client) -> None:
    assert begin(lea, "retry").status_code == 422
    assert begin(lea, "forget", three).status_code == 404
    assert begin(lea, "assign", three, to="nobody").status_code == 422
    assert begin(signed_in("bea"), "retry", three).status_code == 403
    assert begin(signed_in("carl"), "retry", three).status_code == 422
    assert not Bulk.objects.exists()


def test_another_team_does_not_see_how_far_it_is(three: list[Incident], lea: Client) -> None:
    where = begin(lea, "retry", three)["Location"]

    assert signed_in("bea").get(where).status_code == 200
    assert signed_in("carl").get(where).status_code == 404
    assert where not in signed_in("carl").get("/incidents/").content.decode()


def test_a_row_that_breaks_holds_up_no_other(three: list[Incident], lea: Client) -> None:
    where = begin(lea, "assign", three, to="dora")["Location"]
    Bulk.objects.update(params={"to": 0})
    other = begin(lea, "retry", three)["Location"]

    done_to_many()

    assert lea.get(where).context["reasons"] == [
        ("It broke (DoesNotExist); the log has the details.", 3)
    ]
    assert lea.get(other).context["counts"]["done"] == 3


def test_many_causes_ask_the_database_no_more_than_one(
    place: Workflow, lea: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        one = broken(place, f"c-{number}")
        Incident.objects.filter(pk=one.pk).update(fingerprint=f"cause-{number}")
    lea.get("/incidents/")

    with django_assert_max_num_queries(24):
        lea.get("/incidents/")
