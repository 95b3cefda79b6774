"""The stream with its cursor, and the command with its files and manifest."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.dateparse import parse_datetime

from orchestrator.exceptions import Invalid
from orchestrator.models import Verdict, Workflow
from review.feedback import Outgoing, Query, stream, write_files
from tests import world
from tests.programs import Program
from tests.review.feedback import settle_now


@pytest.fixture
def decided(expenses: Workflow) -> Workflow:
    world.started(expenses, world.LUNCH, confidence=0.95, key="a")
    world.decided(world.in_review(expenses, key="b"), "ben", "rejected", comment="=1+1")
    settle_now()
    return expenses


def query(**asked: str) -> Query:
    return Query.parse({"workflow": "expenses"} | asked, None)


def lines(**asked: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(stream("jsonl", query(**asked))).splitlines()]


def test_the_last_line_of_a_stream_is_its_cursor(decided: Workflow) -> None:
    *rows, last = lines()

    assert [row["case_key"] for row in rows] == ["a", "b"]
    assert last == {"cursor": rows[-1]["cursor"]}


def test_a_program_goes_on_where_it_stopped(decided: Workflow) -> None:
    first, cursor = lines(limit="1")
    assert cursor == {"cursor": first["cursor"]}

    second, cursor = lines(since=str(cursor["cursor"]))
    assert second["case_key"] == "b"

    assert lines(since=str(cursor["cursor"])) == [cursor]
    world.started(decided, world.LUNCH, confidence=0.95, key="c")
    assert [row.get("case_key") for row in lines(since=str(cursor["cursor"]))] == ["c", None]


def test_what_does_not_match_is_not_looked_at_again(decided: Workflow) -> None:
    (cursor,) = lines(decision="corrected")

    assert cursor == {"cursor": Verdict.objects.latest("id").pk}


def test_a_sheet_has_no_cursor(decided: Workflow) -> None:
    data = b"".join(stream("csv", query()))

    assert data == b"".join(Outgoing("csv", query()))


def test_a_stream_of_an_unknown_format_is_refused_before_its_first_byte(expenses: Workflow) -> None:
    with pytest.raises(Invalid):
        stream("xlsx", query())


def test_a_file_comes_with_its_manifest(decided: Workflow, tmp_path: Path) -> None:
    out = tmp_path / "feedback.jsonl"

    call_command("export_feedback", "--workflow", "expenses", "--out", str(out), "--since", "0")

    data = out.read_bytes()
    manifest = json.loads((tmp_path / "feedback.jsonl.manifest.json").read_text())
    assert parse_datetime(manifest.pop("created_at"))
    assert manifest == {
        "sha256": hashlib.sha256(data).hexdigest(),
        "schema_version": 1,
        "format": "jsonl",
        "filter": {"workflow": "expenses", "since": "0"},
        "counts": {"rows": 2, "decisions": {"approved": 1, "rejected": 1}},
        "workflows": {"expenses": [1]},
        "cursor": Verdict.objects.latest("id").pk,
    }
    assert len(data.splitlines()) == 2
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_failure_leaves_the_file_of_before(decided: Workflow, tmp_path: Path) -> None:
    out = tmp_path / "feedback.jsonl"
    out.write_text("before")
    export = Outgoing("jsonl", query(since="0"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orchestrator_correction RENAME TO away")

    with pytest.raises(Exception, match="orchestrator_correction"):
        write_files(export, out)

    assert [path.name for path in tmp_path.iterdir()] == ["feedback.jsonl"]
    assert out.read_text() == "before"


@pytest.mark.parametrize("key", ["jsonl", "csv", "kto", "labelstudio"])
def test_what_breaks_off_over_http_does_not_look_whole(
    decided: Workflow, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """A server ends an answer that failed like one that is whole."""
    monkeypatch.setattr("review.feedback.rows.FIRST_BATCH", 1)
    chunks = Program("bea").get("feedback", format=key, workflow="expenses").streaming_content
    rows = [next(chunks) for _ in range(2 if key == "csv" else 1)]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE orchestrator_correction RENAME TO away")

    with pytest.raises(Exception, match="orchestrator_correction"):
        rows.extend(chunks)

    *whole, last = b"".join(rows).decode().splitlines()
    assert last.endswith("This file broke off here: it is not whole.")
    if key == "csv":
        assert len(last.split(",")) > len(next(csv.reader(whole)))
    else:
        with pytest.raises(json.JSONDecodeError):
            json.loads(last)


def test_standard_output_has_rows_only(
    decided: Workflow, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export_feedback", "--workflow", "expenses", "--format", "csv")

    said = capsys.readouterr()
    assert said.out == b"".join(Outgoing("csv", query())).decode()
    (line,) = said.err.splitlines()
    assert json.loads(line)["sha256"] == hashlib.sha256(said.out.encode()).hexdigest()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workflow", "nowhere"], "There is no workflow 'nowhere'"),
        (["--workflow", "expenses", "--decision", "maybe"], "no such decision"),
        (["--workflow", "expenses", "--out", "/nowhere/file"], "Cannot write /nowhere/file"),
    ],
)
def test_the_command_says_what_is_wrong(
    expenses: Workflow, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("export_feedback", *arguments)


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_has_enough_is_no_error(decided: Workflow) -> None:
    """A pipe whose reader is gone, as behind ``head``."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "manage.py", "export_feedback", "--workflow", "expenses"]
    name = connection.settings_dict["NAME"]
    program = (
        f"import tests.settings as s; s.DATABASES['default']['NAME'] = {name!r};"
        f"from django.core.management import execute_from_command_line as run; run({command[1:]!r})"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=settings.BASE_DIR, env=environment, stdout=write, stderr=subprocess.PIPE, check=False,
    )  # fmt: skip
    os.close(write)

    assert (done.returncode, done.stderr.decode()) == (0, "")


def test_a_format_without_ids_comes_with_them_beside_it(decided: Workflow, tmp_path: Path) -> None:
    world.decided(world.in_review(decided, key="c"), "bea", "approved")
    settle_now()
    out = tmp_path / "chats.jsonl"

    write_files(Outgoing("sft", query()), out)

    (line,) = (tmp_path / "chats.jsonl.ids.jsonl").read_text().splitlines()
    (row,) = [row for row in lines() if row.get("case_key") == "c"]
    keys = ("workflow", "version", "step", "case", "case_key", "task", "cursor")
    assert json.loads(line) == {key: row[key] for key in keys} | {"decision": row["id"]}
    assert len(out.read_text().splitlines()) == 1
    assert len(list(tmp_path.iterdir())) == 3
