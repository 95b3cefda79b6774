"""What was taken away is kept: who, when, what for, how much; and who may read that."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.http import StreamingHttpResponse
from django.test import Client

from orchestrator.models import Verdict, Workflow
from review.feedback import Outgoing, Query, history, note
from review.feedback.history import LISTED
from review.management.commands import export_feedback
from review.models import Export
from review.views import exports
from tests import world
from tests.review.conftest import SignIn
from tests.review.feedback import settle_now

DOWNLOAD = "/review/exports/download?workflow=expenses"


@pytest.fixture
def approved(expenses: Workflow) -> Workflow:
    for key in ("a", "b"):
        world.decided(world.in_review(expenses, key=key), "bea", "approved")
    settle_now()
    return expenses


def page_of(client: Client) -> str:
    return client.get("/review/exports/").content.decode()


def test_a_download_is_kept_once_it_is_whole(bea: Client, approved: Workflow) -> None:
    response = bea.get(f"{DOWNLOAD}&format=kto&decision=approved")
    assert not Export.objects.exists()

    data = response.getvalue()

    kept = Export.objects.get()
    assert kept.actor == world.actor("bea")
    assert (kept.format, kept.rows, kept.workflows) == ("kto", 2, [approved.pk])
    assert kept.filter == {"workflow": "expenses", "decision": "approved"}
    assert kept.sha256 == hashlib.sha256(data).hexdigest()
    assert kept.cursor == Verdict.objects.latest("id").pk


TICKET = "t" * 22
ASKED = f"/review/exports/progress?ticket={TICKET}"


def told(client: Client) -> str:
    return client.get(ASKED).content.decode()


def begun(client: Client) -> Any:
    return client.get(f"{DOWNLOAD}&ticket={TICKET}")


def test_a_page_is_told_how_far_its_download_is(
    bea: Client, ben: Client, approved: Workflow
) -> None:
    response = begun(bea)
    before = told(bea)
    response.getvalue()
    after = told(bea)

    assert "0 rows so far, 0% looked through." in before
    assert "hx-get" in before, "it asks again"
    assert "2 rows are in the file." in after
    assert "hx-get" not in after
    assert "rows" not in told(ben), "of another person"
    assert Export.objects.get().filter == {"workflow": "expenses"}


def test_a_page_is_told_that_its_download_broke_off(bea: Client, approved: Workflow) -> None:
    response = begun(bea)
    next(response.streaming_content)
    response._iterator.close()

    page = told(bea)

    assert "The download broke off after 2 rows. What arrived is not whole." in page
    assert "Download again" in page
    assert "hx-get" not in page
    assert not Export.objects.exists()
    begun(bea).getvalue()
    assert "2 rows are in the file." in told(bea)


def test_a_page_gives_up_on_a_download_without_a_word(
    bea: Client, approved: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = begun(bea)
    monkeypatch.setattr("review.progress.SILENT", -1)

    page = told(bea)

    assert "the download has probably broken off" in page
    assert "Download again" in page
    assert "hx-get" not in page
    response.getvalue()
    assert "2 rows are in the file." in told(bea), "it was only slow"


def test_a_page_gives_up_on_a_download_that_nobody_knows(bea: Client, expenses: Workflow) -> None:
    address, asked = ASKED, 0
    while found := re.search('hx-get="([^"]+)"', page := bea.get(address).content.decode()):
        assert "The download begins." in page
        address, asked = unescape(found[1]), asked + 1

    assert asked == exports.PATIENT
    assert "No download of this page is under way." in page
    for odd in ("x", "-1", "\u0664", "9" * 50):
        assert bea.get(f"{ASKED}&missed={odd}").status_code == 200


def test_a_download_that_breaks_off_is_no_export(bea: Client, approved: Workflow) -> None:
    response = cast("StreamingHttpResponse", bea.get(f"{DOWNLOAD}&format=csv"))

    header = next(cast("Iterator[bytes]", response.streaming_content))

    assert header.startswith(b"cursor,")
    assert not Export.objects.exists()


def test_a_preview_is_no_export(bea: Client, approved: Workflow) -> None:
    bea.get("/review/exports/?workflow=expenses&format=sft")

    assert not Export.objects.exists()


def test_the_command_is_kept_without_a_person(
    bea: Client, approved: Workflow, tmp_path: Path
) -> None:
    out = tmp_path / "sft.jsonl"

    call_command("export_feedback", "--workflow", "expenses", "--format", "sft", "--out", str(out))

    kept = Export.objects.get()
    assert (kept.actor, kept.rows) == (None, 2)
    assert kept.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert "on the server" in page_of(bea)
    assert kept.sha256[:12] in page_of(bea)


def test_ben_sees_what_bea_took_and_carl_does_not(
    bea: Client, client_of: SignIn, approved: Workflow
) -> None:
    bea.get(f"{DOWNLOAD}&format=csv").getvalue()

    assert "Taken away before" in page_of(client_of("ben"))
    assert "Taken away before" not in page_of(client_of("carl"))


def test_an_export_of_more_than_one_sees_is_not_shown(
    expenses: Workflow, client_of: SignIn
) -> None:
    other = world.workflow(
        **{"workflow: expenses": "workflow: secret", "groups: [Finance]": "groups: [Elsewhere]"}
    )
    query = Query.parse({}, None)
    assert set(query.workflows) >= {expenses.pk, other.pk}
    export = Outgoing("jsonl", query)
    b"".join(export)

    note(export, actor=None)

    assert "Taken away before" not in page_of(client_of("bea"))
    assert "Taken away before" in page_of(client_of("dora"))


def test_an_export_of_nothing_leaves_no_trace(client_of: SignIn, expenses: Workflow) -> None:
    client_of("carl").get("/review/exports/download?format=jsonl").getvalue()

    assert not Export.objects.exists()


def test_the_newest_stand_first_and_not_all_of_them(expenses: Workflow) -> None:
    query = Query.parse({"workflow": "expenses"}, None)
    for _ in range(LISTED + 1):
        note(Outgoing("jsonl", query), actor=None)

    found = history([expenses])

    assert len(found) == LISTED
    assert found[0].pk == Export.objects.latest("pk").pk


def test_what_was_kept_stays(bea: Client, approved: Workflow) -> None:
    bea.get(f"{DOWNLOAD}&format=csv").getvalue()

    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Export.objects.update(rows=0)
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        Export.objects.all().delete()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_the_command_says_how_far_it_is(
    approved: Workflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_feedback, "TOLD", 2)
    command = ["export_feedback", "--workflow", "expenses", "--out", str(tmp_path / "f")]
    seen, quiet = Terminal(), io.StringIO()

    call_command(*command, stderr=seen)
    call_command(*command, stderr=quiet)

    assert "2 rows …" in seen.getvalue()
    assert "…" not in quiet.getvalue()
