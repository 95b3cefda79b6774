from __future__ import annotations

import gzip
import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from orchestrator.models import Case, Decision, Seat, Task, Workflow
from review import timing
from tests import world
from tests.review.conftest import SignIn
from tests.review.paper import Form, form_on, text_of

QUESTIONS = """
workflow: questions
name: Questions
owner: alice
groups: [Finance]
accountable: alice
data: {type: object, required: [text], properties: {text: {type: string}}}
steps:
  - key: answer
    name: Answer
    kind: human
    schema:
      type: object
      required: [reply]
      properties: {reply: {type: string, title: Reply, minLength: 1}}
    output: {/reply: /reply}
    evidence:
      - {path: /text, as: text, label: Question}
    rights:
      - name: A reviewer answers
        mode: review
        group: Expense reviewers
        allowed: [responded, rejected]
  - {key: answered, name: Answered, kind: end, outcome: answered}
transitions:
  - {from: answer, to: answered}
"""


@pytest.fixture
def task(expenses: Workflow) -> Task:
    return world.in_review(expenses, key="lunch")


@pytest.fixture
def form(bea: Client, task: Task) -> Form:
    return form_on(bea.post(f"/review/tasks/{task.pk}/claim/", follow=True))


def end_claims() -> None:
    Seat.objects.update(claim_expires_at=timezone.now() - timedelta(seconds=1))


def test_approving_without_javascript_leads_to_the_next_task_with_undo(
    bea: Client, expenses: Workflow, form: Form, task: Task
) -> None:
    following = world.in_review(expenses, key="flight")

    page = form.press(bea, "approved", follow=True)

    assert page.redirect_chain[-1][0].startswith(f"/review/tasks/{following.pk}/")
    assert "flight" in text_of(page)
    assert "Approved lunch" in text_of(page)
    assert "Undo" in text_of(page)
    decision = Decision.objects.get()
    assert (decision.word, decision.via, decision.actor) == ("approved", "page", world.actor("bea"))


def test_by_htmx_the_next_task_comes_in_the_same_answer(
    bea: Client, expenses: Workflow, form: Form
) -> None:
    following = world.in_review(expenses, key="flight")

    part = form.press(bea, "approved", htmx=True)

    assert part.status_code == 200
    assert "<title>flight · Read the receipt · Rewire</title>" in part.content.decode()
    assert part.headers["HX-Push-Url"] == f"/review/tasks/{following.pk}/"
    assert "Approved lunch." in text_of(part)
    assert Seat.objects.get(task=following).claimed_by == world.actor("bea")
    assert form_on(part).fields["f/merchant"] == "Kantine"


def test_after_the_last_task_the_queue_says_all_done(bea: Client, form: Form) -> None:
    part = form.press(bea, "approved", htmx=True)

    assert "All done" in text_of(part)
    assert "Undo" in text_of(part)
    assert part.headers["HX-Push-Url"] == "/review/"


def test_the_filter_goes_along(bea: Client, expenses: Workflow, task: Task) -> None:
    other = world.workflow(
        **{"workflow: expenses": "workflow: trips", "name: Expenses": "name: Trips"}
    )
    trip, _lunch = world.in_review(other), world.in_review(expenses)
    page = bea.post(f"/review/tasks/{trip.pk}/claim/?workflow=trips", follow=True)

    part = form_on(page).press(bea, "approved", htmx=True)

    assert "No open task fits this filter" in text_of(part)
    assert part.headers["HX-Push-Url"] == "/review/?workflow=trips"


def test_a_correction_keeps_before_after_and_why(bea: Client, form: Form) -> None:
    form.fill(amount="45.20").set({"why/amount": "misread", "comment": "Read the total."})

    form.press(bea, "corrected")

    decision = Decision.objects.get()
    correction = decision.corrections.get()
    assert (correction.path, correction.before, correction.after) == ("/amount", 42.5, 45.2)
    assert correction.reason == "misread"
    assert decision.comment == "Read the total."


def test_a_reason_beside_an_unchanged_field_is_left_out(bea: Client, form: Form) -> None:
    form.fill(amount="45.20").set({"why/merchant": "misread"})

    form.press(bea, "corrected")

    assert Decision.objects.get().reasons == {}


def test_approving_changed_fields_is_refused_and_the_typing_kept(bea: Client, form: Form) -> None:
    answer = form.fill(amount="45.20").press(bea, "approved")

    assert answer.status_code == 422
    assert "You changed fields" in text_of(answer)
    assert form_on(answer).fields["f/amount"] == "45.20"
    assert not Decision.objects.exists()


def test_a_correction_without_a_change_says_so(bea: Client, form: Form) -> None:
    answer = form.press(bea, "corrected", htmx=True)

    assert answer.status_code == 422
    assert "Nothing is changed" in text_of(answer)
    assert not Decision.objects.exists()


def test_what_cannot_be_read_is_told_at_its_field(bea: Client, form: Form) -> None:
    answer = form.fill(amount="much", merchant="Cantina").press(bea, "corrected", htmx=True)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r'id="f/amount"[^>]*aria-invalid="true"', html)
    assert 'id="f/amount-error"' in html
    assert "Give a number" in html
    assert form_on(answer).fields["f/amount"] == "much"
    assert form_on(answer).fields["f/merchant"] == "Cantina"


def test_what_the_rules_block_comes_back_with_the_typing(bea: Client, form: Form) -> None:
    answer = form.fill(merchant="Casino").press(bea, "corrected")

    assert answer.status_code == 422
    assert "The rules block this value" in text_of(answer)
    assert form_on(answer).fields["f/merchant"] == "Casino"


def test_rejecting_takes_reason_and_comment_of_its_sheet(bea: Client, form: Form) -> None:
    form.set({"rejected-reason": "unclear", "rejected-comment": "Whose is it?", "comment": "x"})

    form.press(bea, "rejected")

    decision = Decision.objects.get()
    assert (decision.word, decision.reasons) == ("rejected", {"": "unclear"})
    assert decision.comment == "Whose is it?"


def test_an_unknown_reason_comes_back_with_the_sheet_as_it_was(bea: Client, form: Form) -> None:
    form.set({"rejected-reason": "made-up", "rejected-comment": "Whose is it?"})

    answer = form.press(bea, "rejected")

    assert answer.status_code == 422
    assert "Choose one of misread, unclear" in text_of(answer)
    assert form_on(answer).fields["rejected-comment"] == "Whose is it?"


def test_escalating_brings_it_before_the_leads(
    bea: Client, form: Form, client_of: SignIn, task: Task
) -> None:
    form.set({"escalated-comment": "Is this ours?"}).press(bea, "escalated")

    page = client_of("lea").post(f"/review/tasks/{task.pk}/claim/", follow=True)

    assert "Is this ours?" in text_of(page)
    assert "Escalated" in text_of(page)


@pytest.mark.parametrize("word", ["", "accepted", "responded", "approved' or 1=1"])
def test_an_unknown_word_decides_nothing(bea: Client, form: Form, word: str) -> None:
    answer = bea.post(form.action, form.fields | {"decision": word})

    assert answer.status_code == 422
    assert not Decision.objects.exists()


def test_a_form_that_is_sent_twice_decides_once_and_says_so(bea: Client, form: Form) -> None:
    form.press(bea, "approved")

    page = form.press(bea, "approved", follow=True)

    assert "Approved lunch" in text_of(page)
    assert "was not taken" not in text_of(page)
    assert Decision.objects.count() == 1


def test_a_claim_that_ended_is_taken_again_with_the_typing(bea: Client, form: Form) -> None:
    end_claims()

    answer = form.fill(amount="45.20").press(bea, "corrected", htmx=True)

    assert answer.status_code == 409
    assert "It is yours again" in text_of(answer)
    again = form_on(answer)
    assert again.fields["f/amount"] == "45.20"
    again.press(bea, "corrected")
    output = Decision.objects.get().output or {}
    assert output["amount"] == 45.2


def test_a_claim_that_somebody_else_has_now_shows_what_was_typed(
    bea: Client, form: Form, task: Task
) -> None:
    end_claims()
    world.claimed(task, "ben")

    answer = form.fill(amount="45.20").press(bea, "corrected", htmx=True)

    assert answer.status_code == 409
    assert "Ben works on this now" in text_of(answer)
    assert "45.2" in text_of(answer)
    assert not Decision.objects.exists()


def test_a_task_that_ben_decided_shows_both(bea: Client, form: Form, task: Task) -> None:
    end_claims()
    world.decided(task, "ben", "corrected", output=world.LUNCH | {"amount": 44})

    answer = form.fill(amount="45.20").press(bea, "corrected")

    assert answer.status_code == 409
    assert "Ben" in text_of(answer)
    assert "44" in text_of(answer)
    assert "45.2" in text_of(answer)
    assert Decision.objects.get().actor == world.actor("ben")


def test_a_case_that_changed_shows_so_and_keeps_the_typing(
    bea: Client, form: Form, task: Task
) -> None:
    Case.objects.update(data={"text": "Another receipt"})

    answer = form.fill(amount="45.20").press(bea, "corrected", htmx=True)

    assert answer.status_code == 409
    assert "changed since" in text_of(answer)
    page = bea.get(f"/review/tasks/{task.pk}/")
    assert "Another receipt" in text_of(page)
    assert form_on(page).fields["f/amount"] == "45.20"
    assert not Decision.objects.exists()


def test_nobody_decides_with_the_claim_of_another(ben: Client, form: Form) -> None:
    answer = form.press(ben, "approved")

    assert answer.status_code == 409
    assert not Decision.objects.exists()


def test_the_time_on_the_screen_is_kept(bea: Client, form: Form, task: Task) -> None:
    with time_machine.travel(timezone.now() - timedelta(seconds=25)):
        form.set({"shown_at": timing.shown_at(task.pk)})

    form.press(bea, "approved")

    assert 24 <= (Decision.objects.get().seconds or 0) <= 26


@pytest.mark.parametrize("forged", ["", "1700000000000", "1700000000000:abc", "x" * 500])
def test_a_made_up_time_on_the_screen_is_unknown(bea: Client, form: Form, forged: str) -> None:
    form.set({"shown_at": forged}).press(bea, "approved")

    assert Decision.objects.get().seconds is None


def test_an_answer_is_small_and_takes_few_queries(
    bea: Client,
    expenses: Workflow,
    form: Form,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    world.in_review(expenses, text="word " * 400)

    with django_assert_max_num_queries(36) as captured:
        part = form.press(bea, "approved", htmx=True)

    size = len(gzip.compress(part.content))
    print(f"{len(captured)} queries, {len(part.content)} bytes, {size} compressed")
    assert size < 8_000


def test_a_human_step_is_answered_with_its_form(bea: Client, db: None) -> None:
    task = world.started(world.workflow(QUESTIONS)).tasks.get()
    page = bea.post(f"/review/tasks/{task.pk}/claim/", follow=True)
    assert "Your answer" in text_of(page)

    empty = form_on(page).press(bea, "responded")
    assert empty.status_code == 422
    form_on(empty).fill(reply="Next week.").press(bea, "responded")

    assert Decision.objects.get().output == {"reply": "Next week."}
