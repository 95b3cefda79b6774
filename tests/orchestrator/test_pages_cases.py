"""The list of cases and the page of one: what happened, who decided why, what is hidden."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orchestrator import engine
from orchestrator.casefile import Part, without
from orchestrator.models import Case, Event, Seat, Task, Workflow
from tests.world import (
    EXPENSES,
    FLIGHT,
    LUNCH,
    actor,
    decided,
    in_review,
    person,
    started,
    workflow,
)

pytestmark = pytest.mark.django_db

OTHERS = (
    EXPENSES.replace("workflow: expenses", "workflow: others")
    .replace("name: Expenses", "name: Others")
    .replace("[Finance]", "[Another team]")
    .replace("  reader:", "  other:")
    .replace("connection: reader", "connection: other")
    .replace("actor: reader", "actor: other")
)


@pytest.fixture
def expenses() -> Workflow:
    return workflow()


@pytest.fixture
def others(expenses: Workflow) -> Workflow:
    """A workflow that only the other team and its owner see."""
    return workflow(OTHERS.replace("owner: alice", "owner: carl"))


def signed_in(name: str) -> Client:
    client = Client()
    client.force_login(person(name))
    return client


def listed(name: str, **query: str) -> list[str]:
    page = signed_in(name).get("/cases/", query)
    assert page.status_code == 200
    return [row["key"] for row in page.context["rows"]]


def shown(name: str, case: Case) -> str:
    page = signed_in(name).get(reverse("case", args=[case.pk]))
    assert page.status_code == 200
    return str(page.content.decode())


def decided_and_undone(task: Task) -> None:
    """Two events more, and the task waits again."""
    done = decided(task, "bea", "approved")
    seat = engine.undo(done.decision.pk, actor=actor("bea"))
    assert seat.claim_token
    engine.release(task.pk, actor=actor("bea"), token=seat.claim_token)


# The list


def test_each_team_lists_its_own_cases(expenses: Workflow, others: Workflow) -> None:
    started(expenses, key="ours")
    started(others, key="theirs", by="dora")

    assert listed("bea") == ["ours"]
    assert listed("carl") == ["theirs"]
    assert listed("dora") == ["theirs", "ours"]
    assert listed("bea", workflow="others") == []


def test_cases_are_found_by_the_beginning_of_their_key(expenses: Workflow) -> None:
    for key in ("R-1", "R-10", "r-1", "X-R-1", "R_1"):
        started(expenses, key=key)

    assert listed("bea", q="R-1") == ["R-10", "R-1"]
    assert listed("bea", q="R_") == ["R_1"]
    assert listed("bea", q="%") == []
    assert listed("bea", q="\x00R-1") == ["R-10", "R-1"]


def test_cases_are_filtered_by_state_and_workflow(expenses: Workflow) -> None:
    started(expenses, LUNCH, confidence=0.99, key="approved")
    in_review(expenses, key="open")

    assert listed("bea", state="completed") == ["approved"]
    assert listed("bea", state="open", workflow="expenses") == ["open"]
    assert listed("bea", state="no-such-state") == []
    assert listed("bea", workflow="no-such-workflow") == []


def test_pages_follow_each_other_without_gaps(expenses: Workflow) -> None:
    outcomes = engine.start_cases(
        expenses,
        actor=actor("alice"),
        cases=[{"key": f"c-{n:03}", "data": {"text": ""}} for n in range(120)],
    )
    assert len(outcomes) == 120
    client, url, pages = signed_in("bea"), "/cases/?q=c-", []

    for _ in range(3):
        pages.append(client.get(url).context)
        url = pages[-1]["page"].next_url

    seen = [row["key"] for page in pages for row in page["rows"]]
    assert seen == [f"c-{n:03}" for n in reversed(range(120))]
    assert url == ""
    assert pages[-1]["page"].first_url == "/cases/?q=c-"


@pytest.mark.parametrize("before", ["0", "-3", "abc", "9" * 30, "١"])
def test_a_page_number_that_is_none_shows_the_first_page(expenses: Workflow, before: str) -> None:
    started(expenses, key="here")

    assert listed("bea", before=before) == ["here"]


def test_the_list_asks_the_same_few_questions_however_long_it_is(
    expenses: Workflow, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        in_review(expenses, key=f"case-{number}")
    client = signed_in("bea")

    with django_assert_max_num_queries(11):
        client.get("/cases/")


# One case


def test_the_timeline_says_who_did_what(expenses: Workflow) -> None:
    task = in_review(expenses, confidence=0.62, latency_ms=320, cost_micros=1200, model="reader-3")
    decided(task, "bea", "corrected", output={**LUNCH, "amount": 33.5}, comment="It says 33.50.")

    page = shown("lea", task.case)

    for part in (
        "<strong>Bea</strong> corrected “Read the receipt”",
        "It says 33.50.",
        "“Read the receipt”: a person decides",
        "confidence 0.62 is below 0.90",
        "confidence 0.62 · 320 ms · cost 0.0012 · reader-3",
        "<strong>Alice</strong> started the case",
    ):
        assert part in page


def test_a_decision_is_shown_with_its_proof_and_its_diff(expenses: Workflow) -> None:
    task = in_review(expenses, confidence=0.62)
    decided(task, "bea", "corrected", output={**LUNCH, "amount": 33.5}, seconds=12.4)

    page = shown("lea", task.case)

    assert "<del>42.5</del>" in page
    assert "<ins>33.5</ins>" in page
    for name, value in [
        ("Rule", "Everything else (rule:1/4)"),
        ("Version", "Expenses 1"),
        ("Accountable", "Alice"),
        ("Came by", "page"),
        ("Seen for", "12 s"),
    ]:
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page


def test_an_automatic_approval_names_the_rule_and_who_answers_for_it(expenses: Workflow) -> None:
    case = started(expenses, LUNCH, confidence=0.97)

    page = shown("bea", case)

    assert "<strong>The rules of version 1</strong> approved “Read the receipt”" in page
    assert "Small and sure (rule:1/3)" in page
    assert "<dt>On behalf of</dt><dd>Alice</dd>" in page
    assert "confidence 0.97 is at least 0.90" in page
    assert "The case is complete: booked" in page


def test_a_decision_that_was_taken_back_stays_and_says_so(expenses: Workflow) -> None:
    task = in_review(expenses)
    done = decided(task, "bea", "rejected")
    engine.undo(done.decision.pk, actor=actor("bea"))

    page = shown("bea", task.case)

    assert "Undone" in page
    assert "<strong>Bea</strong> took back the decision on “Read the receipt”" in page


def test_what_a_case_holds_is_text_on_its_page(expenses: Workflow) -> None:
    case = started(expenses, key="<b>k</b>", text='<img src="//evil.example/x">\u202e')

    page = shown("bea", case)

    assert "<img src" not in page.replace('<img src="/static', "")
    assert "<b>k" not in page
    assert "U+202E" in page


@pytest.mark.parametrize("name", ["carl"])
def test_a_case_of_another_team_is_not_there(expenses: Workflow, name: str) -> None:
    case = started(expenses, key="secret-key")

    page = signed_in(name).get(reverse("case", args=[case.pk]))

    assert page.status_code == 404
    assert "secret-key" not in page.content.decode()
    assert signed_in(name).get(reverse("case", args=[2**80])).status_code == 404


def test_earlier_moments_stand_on_a_page_of_their_own(expenses: Workflow) -> None:
    task = in_review(expenses)
    for _ in range(30):
        decided_and_undone(task)
    client = signed_in("lea")

    first = client.get(reverse("case", args=[task.case_id]))
    second = client.get(first.context["more_url"])

    told = [*first.context["moments"], *second.context["moments"]]
    assert len(first.context["moments"]) == 50
    assert len(told) == Event.objects.filter(stream=f"case:{task.case_id}").count()
    assert told[-1].text == "started the case"
    assert (second.context["more_url"], bool(second.context["newest_url"])) == ("", True)


def test_the_page_asks_the_same_few_questions_however_much_happened(
    expenses: Workflow, django_assert_max_num_queries: Any
) -> None:
    task = in_review(expenses)
    for _ in range(8):
        decided_and_undone(task)
    client = signed_in("lea")

    with django_assert_max_num_queries(30):
        client.get(reverse("case", args=[task.case_id]))


# Blind


@pytest.fixture
def blind(expenses: Workflow) -> Workflow:
    """Four eyes, of which neither sees what the other said."""
    return workflow(
        EXPENSES.replace("workflow: expenses", "workflow: blind").replace(
            "mode: dual", "mode: dual\n        blind: true"
        )
    )


def test_a_blind_reviewer_sees_nothing_that_came_after_the_output(blind: Workflow) -> None:
    task = in_review(blind, FLIGHT, confidence=0.31)
    decided(task, "bea", "corrected", output={**FLIGHT, "amount": 1799}, comment="One less.")

    page = shown("ben", task.case)

    for hidden in ("0.31", "corrected", "One less.", "1799", "two people decide", "Much money"):
        assert hidden not in page
    assert "You have a blind review in this case" in page
    assert "started the case" in page


def test_who_has_decided_sees_it_all(blind: Workflow) -> None:
    task = in_review(blind, FLIGHT, confidence=0.31)
    decided(task, "bea", "corrected", output={**FLIGHT, "amount": 1799}, comment="One less.")

    page = shown("bea", task.case)

    assert "One less." in page
    assert "confidence 0.31" in page


def test_who_decides_elsewhere_sees_it_all(blind: Workflow) -> None:
    task = in_review(blind, FLIGHT, confidence=0.31)

    assert "confidence 0.31" in shown("cara", task.case)


def test_a_blind_review_hides_the_state_of_its_case_in_the_list(blind: Workflow) -> None:
    in_review(blind, FLIGHT, key="blind-one")

    (row,) = signed_in("ben").get("/cases/").context["rows"]

    assert (row["state"], row["outcome"]) == ("blind", "")
    assert listed("ben", state="open") == []
    assert listed("cara", state="open") == ["blind-one"]


# Cancelling


def test_lea_cancels_a_case_with_a_reason(expenses: Workflow) -> None:
    task = in_review(expenses)

    answer = signed_in("lea").post(
        reverse("cancel_case", args=[task.case_id]), {"reason": "Sent twice."}, follow=True
    )

    page = answer.content.decode()
    assert Case.objects.get(pk=task.case_id).state == "cancelled"
    assert Task.objects.get(pk=task.pk).state == "cancelled"
    assert "<strong>Lea</strong> cancelled the case" in page
    assert "Sent twice." in page
    assert "Cancel this case?" not in page


@pytest.mark.parametrize(
    ("name", "reason", "status"),
    [("lea", "", 422), ("bea", "I want to.", 403), ("carl", "I want to.", 404)],
)
def test_a_case_is_not_cancelled(expenses: Workflow, name: str, reason: str, status: int) -> None:
    task = in_review(expenses)

    answer = signed_in(name).post(reverse("cancel_case", args=[task.case_id]), {"reason": reason})

    assert answer.status_code == status
    assert Case.objects.get(pk=task.case_id).state == "open"


@pytest.mark.parametrize(("name", "may"), [("lea", True), ("bea", False), ("cara", False)])
def test_cancelling_is_offered_to_who_may(expenses: Workflow, name: str, may: bool) -> None:
    case = started(expenses)

    assert ("Cancel this case?" in shown(name, case)) is may


# The case file, and why a decision is as it is


def parts(name: str, case: Case) -> list[Part]:
    page = signed_in(name).get(reverse("case", args=[case.pk]))
    return list(page.context["file"])


def settled(task: Task) -> Case:
    Task.objects.filter(pk=task.pk).update(settle_at=timezone.now())
    engine.settle_due()
    return Case.objects.get(pk=task.case_id)


def sentences(case: Case) -> list[str]:
    page = signed_in("bea").get(reverse("case", args=[case.pk]))
    return [decision.sentence for decision in page.context["decisions"]]


def test_the_case_file_says_who_wrote_what(expenses: Workflow) -> None:
    task = in_review(expenses)
    done = decided(task, "bea", "corrected", output=LUNCH | {"amount": 33.5})

    came, wrote = parts("bea", settled(task))

    assert (came.title, came.by, came.value) == (
        "What came in",
        "started by Alice",
        {"text": "A receipt"},
    )
    assert (wrote.title, wrote.step, wrote.by) == (
        "expense",
        "Read the receipt",
        "corrected by Bea",
    )
    assert (wrote.fields, wrote.decision) == ("amount", done.decision.pk)
    assert wrote.value["amount"] == 33.5


def test_what_two_people_approved_names_both(expenses: Workflow) -> None:
    task = in_review(expenses, FLIGHT)
    decided(task, "bea", "approved")
    decided(task, "ben", "approved")

    assert parts("lea", settled(task))[1].by == "approved by Bea and Ben"


def test_what_a_rule_approved_names_the_rule(expenses: Workflow) -> None:
    case = started(expenses, LUNCH, confidence=0.99)

    assert parts("bea", case)[1].by == "approved by rule 3 of version 1"


def test_what_nobody_judged_names_who_wrote_it() -> None:
    rights = EXPENSES[EXPENSES.index("    rights:") : EXPENSES.index("  - key: booked")]
    says = "settings: {output: {merchant: Kantine, amount: 42.5}}"
    text = EXPENSES.replace(rights, "").replace("kind: agent", "kind: system")
    case = started(workflow(text.replace("settings: {}", says)))
    engine.work_until_idle()

    case.refresh_from_db()
    assert [part.by for part in parts("bea", case)] == ["started by Alice", "written by reader@1"]


def test_an_image_is_shown_where_it_is_evidence() -> None:
    place = workflow(EXPENSES.replace("as: text", "as: image"))
    shows = started(place, text="/media/receipt-1.png")
    lies = started(place, text="https://elsewhere.example/receipt.png")

    assert [(image.label, image.address) for image in parts("bea", shows)[0].images] == [
        ("Receipt", "/media/receipt-1.png")
    ]
    assert '<img src="/media/receipt-1.png" alt="Receipt">' in shown("bea", shows)
    assert "<img src=" not in shown("bea", lies).split("<main")[1]
    assert "https://elsewhere.example/receipt.png" in shown("bea", lies)


def test_a_blind_reviewer_reads_no_case_file_of_what_came_after(expenses: Workflow) -> None:
    task = in_review(expenses)
    done = Case.objects.get(pk=task.case_id)
    decided(task, "ben", "approved")
    settled(task)
    blind = Seat.objects.get(task=task)
    Seat.objects.create(
        task=task,
        round=1,
        purpose="audit",
        number=1,
        workflow=expenses,
        step_key="read",
        group=blind.group,
        due_at=timezone.now(),
        blind=True,
    )

    assert parts("bea", done) == []


def test_a_rule_is_explained_in_one_sentence(expenses: Workflow) -> None:
    case = started(expenses, LUNCH, confidence=0.97)

    assert sentences(case) == [
        (
            "Approved by rule 3 “Small and sure” of version 1 under Alice: "
            "confidence 0.97 is at least 0.90 and amount 42.5 is at most 100."
        )
    ]


def test_a_person_is_explained_with_the_rule_that_asked(expenses: Workflow) -> None:
    task = in_review(expenses, confidence=0.5)
    decided(task, "bea", "rejected")

    assert sentences(task.case) == [
        (
            "Rejected by Bea, asked by rule 4 “Everything else” of version 1 under Alice: "
            "confidence 0.50 is below 0.90."
        )
    ]


def test_silence_is_explained(expenses: Workflow) -> None:
    task = in_review(expenses)
    Seat.objects.filter(task=task).update(due_at=timezone.now() - timedelta(hours=1))
    engine.expire_seats()

    assert sentences(task.case) == [
        (
            "Escalated by version 1 under Alice, because nobody decided in time. "
            "Asked by rule 4 “Everything else”: confidence 0.50 is below 0.90."
        )
    ]


@pytest.mark.parametrize(
    ("paths", "left"),
    [
        (["/a/b"], {"a": {"c": 2}, "d": [1]}),
        (["/a/b", "/a/c"], {"d": [1]}),
        (["/a"], {"d": [1]}),
        (["/x/y", "/d/0"], {"a": {"b": 1, "c": 2}, "d": [1]}),
        ([""], {}),
    ],
)
def test_paths_are_left_out(paths: list[str], left: Any) -> None:
    assert without({"a": {"b": 1, "c": 2}, "d": [1]}, paths) == left
