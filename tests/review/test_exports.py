"""The exports page and its downloads, over HTTP."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape

import pytest
from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone

from orchestrator.models import Task, Workflow
from review.views import exports
from tests import world
from tests.review.conftest import SignIn
from tests.review.feedback import settle_now
from tests.review.paper import text_of


def body(response: HttpResponseBase) -> str:
    return response.getvalue().decode()


@pytest.fixture
def corrected(expenses: Workflow) -> Task:
    task = world.in_review(expenses, key="lunch")
    world.decided(task, "bea", "corrected", output=world.LUNCH | {"amount": 12})
    settle_now()
    return task


@pytest.fixture
def approved(expenses: Workflow) -> Task:
    task = world.in_review(expenses, key="dinner")
    world.decided(task, "ben", "approved")
    settle_now()
    return task


def test_bea_downloads_the_rows_as_lines(bea: Client, corrected: Task) -> None:
    response = bea.get("/review/exports/download?workflow=expenses&format=jsonl")

    (row,) = map(json.loads, body(response).splitlines())
    assert (row["case_key"], row["final"]["amount"]) == ("lunch", 12)
    name = f"expenses-feedback-{timezone.now():%Y-%m-%d}.jsonl"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response.headers["Content-Type"] == "application/x-ndjson"
    assert "no-store" in response.headers["Cache-Control"]


def test_ben_downloads_a_sheet_of_his_own_decisions(
    ben: Client, corrected: Task, approved: Task
) -> None:
    response = ben.get("/review/exports/download?workflow=expenses&format=csv&reviewer=ben")

    (row,) = csv.DictReader(io.StringIO(body(response)))
    assert (row["case_key"], row["reviewer"], row["decision"]) == ("dinner", "ben", "approved")


def test_a_decision_that_can_be_undone_is_not_exported(bea: Client, expenses: Workflow) -> None:
    world.decided(world.in_review(expenses), "bea", "approved")

    assert body(bea.get("/review/exports/download?workflow=expenses&format=jsonl")) == ""
    assert "No settled decision matches" in bea.get("/review/exports/").content.decode()


def test_the_page_counts_what_matches(
    bea: Client, corrected: Task, approved: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "2 rows match." in bea.get("/review/exports/").content.decode()
    assert "1 row matches." in bea.get("/review/exports/?decision=corrected").content.decode()

    monkeypatch.setattr(exports, "COUNTED", 1)
    assert "1+ rows match." in bea.get("/review/exports/").content.decode()


def test_the_page_offers_the_reviewers_who_decided(bea: Client, approved: Task) -> None:
    page = bea.get("/review/exports/")

    assert [one["username"] for one in page.context["reviewers"]] == ["ben"]


def test_the_page_says_how_a_program_asks_for_the_same(bea: Client, approved: Task) -> None:
    page = bea.get("/review/exports/?workflow=expenses&decision=approved&format=csv")

    assert page.context["command"] == (
        "manage.py export_feedback --workflow expenses --decision approved --format csv"
        " --out expenses-feedback.csv"
    )
    query = "workflow=expenses&decision=approved&format=csv"
    assert f'/api/v1/feedback?{query}"' in page.context["api_line"]


def test_carl_of_another_team_sees_no_workflow_and_gets_no_row(
    client_of: SignIn, corrected: Task
) -> None:
    carl = client_of("carl")

    page = carl.get("/review/exports/").content.decode()
    assert "Nothing to export yet" in page
    assert "expenses" not in page
    assert carl.get("/review/exports/download?workflow=expenses").status_code == 404
    assert body(carl.get("/review/exports/download?format=jsonl")) == ""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("decision=maybe", "Decision: There is no such decision"),
        ("from=yesterday", "From: Write a day as"),
        ("reviewer=nobody", "Reviewer: Nobody of this name"),
        ("format=xlsx", "Format: There is no such format"),
        ("color=red", "Color: There is no such filter"),
    ],
)
def test_a_wrong_filter_brings_the_form_back_with_what_is_wrong(
    bea: Client, corrected: Task, query: str, said: str
) -> None:
    response = bea.get(f"/review/exports/download?workflow=expenses&{query}")

    assert response.status_code == 422
    assert said in response.content.decode()
    assert 'value="expenses" selected' in response.content.decode()


def test_who_is_not_signed_in_is_asked_to(client: Client, corrected: Task) -> None:
    for url in ("/review/exports/", "/review/exports/download?workflow=expenses"):
        assert client.get(url).status_code == 302


def test_the_page_shows_the_first_rows_as_they_leave(
    bea: Client, corrected: Task, approved: Task
) -> None:
    page = bea.get("/review/exports/?workflow=expenses&format=preference-trl")

    (line,) = page.context["found"].lines
    assert json.loads(line)["metadata"]["task"] == corrected.pk
    assert "2 rows match." in text_of(page)
    assert "1 makes an example in this format." in text_of(page)


def test_a_preview_has_five_rows(bea: Client, expenses: Workflow) -> None:
    for number in range(7):
        world.started(expenses, world.LUNCH, confidence=0.95, key=f"c-{number}")

    lines = bea.get("/review/exports/?format=csv").context["found"].lines

    assert [line.split(",")[6] for line in lines] == ["case_key", *(f"c-{n}" for n in range(5))]


def test_a_row_of_a_sheet_is_one_row_also_with_line_breaks(bea: Client, expenses: Workflow) -> None:
    for key in ("a", "b"):
        comment = 'Read "it"\n\nagain;\r\nand again'
        world.decided(world.in_review(expenses, key=key), "bea", "rejected", comment=comment)
    settle_now()

    header, *rows = bea.get("/review/exports/?format=csv").context["found"].lines

    assert header.startswith("cursor,")
    assert [next(csv.reader(io.StringIO(row, newline="")))[6] for row in rows] == ["a", "b"]


def test_what_came_after_an_export_is_one_step_away(
    bea: Client, corrected: Task, expenses: Workflow
) -> None:
    first = bea.get("/review/exports/download?workflow=expenses&format=csv&decision=corrected")
    assert body(first).count("\n") == 2
    (address,) = re.findall(r'href="([^"]+)">What came after it', text(bea, "/review/exports/"))
    assert "Nothing that matches was settled since then." in text(bea, unescape(address))
    output = world.LUNCH | {"amount": 13}
    world.decided(world.in_review(expenses, key="new"), "ben", "corrected", output=output)
    settle_now()

    page = text(bea, unescape(address))

    assert "1 row matches." in page
    (cursor,) = re.findall(r'name="since" value="(\d+)"', page)
    assert f"Only what was settled after the cursor {cursor}." in page
    asked = f"workflow=expenses&format=csv&decision=corrected&since={cursor}"
    (row,) = csv.DictReader(io.StringIO(body(bea.get(f"/review/exports/download?{asked}"))))
    assert row["case_key"] == "new"
    (everything,) = re.findall(r'href="([^"]+)">Take everything', page)
    assert "2 rows match." in text(bea, unescape(everything))


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_a_filter_that_is_given_twice_is_refused(bea: Client, corrected: Task) -> None:
    refused = bea.get("/review/exports/download?workflow=expenses&decision=corrected&decision=")

    assert refused.status_code == 422
    assert "Decision: Give it only once." in refused.content.decode()


def test_a_long_row_is_shown_in_part_and_hidden_characters_by_their_names(
    bea: Client, expenses: Workflow
) -> None:
    text = "\u202e<script>alert(1)</script>" + "x" * 5000
    world.started(expenses, world.LUNCH, confidence=0.95, text=text)

    page = bea.get("/review/exports/?format=jsonl")

    (line,) = page.context["found"].lines
    assert len(line) < 2000
    shown = page.content.decode()
    assert "U+202E" in shown
    assert "\u202e" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_counting_and_preview_look_at_the_same_rows_only(
    bea: Client, approved: Task, corrected: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rare kind of row is not searched for in the whole record."""
    monkeypatch.setattr(exports, "COUNTED", 0)

    page = bea.get("/review/exports/?format=preference")

    found = page.context["found"]
    assert (found.rows, found.fitting, found.lines) == (1, 0, [])
    assert "0 make an example" in text_of(page)


def test_a_download_is_named_for_what_is_in_it(bea: Client, corrected: Task) -> None:
    for key, name in (("sft", "sft"), ("csv", "feedback")):
        response = bea.get(f"/review/exports/download?workflow=expenses&format={key}")
        suffix = "csv" if key == "csv" else "jsonl"
        day = f"{timezone.now():%Y-%m-%d}"
        assert f'"expenses-{name}-{day}.{suffix}"' in response.headers["Content-Disposition"]


def test_a_change_of_the_form_previews_without_the_whole_page(bea: Client, approved: Task) -> None:
    page = bea.get("/review/exports/?format=kto", headers={"HX-Request": "true"}).content.decode()

    assert page.strip().startswith('<div id="found"')
    assert "1 makes an example" in page
    assert 'hx-swap-oob="true"' in page
    assert "--format kto" in page
    assert "<form" not in page
    wrong = bea.get("/review/exports/?from=x", headers={"HX-Request": "true"}).content.decode()
    assert "From: Write a day as" in wrong
