"""Parquet: the rows of JSON Lines as typed columns, where pyarrow is installed."""

from __future__ import annotations

import io
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from orchestrator.exceptions import Invalid
from orchestrator.models import Workflow
from review.feedback import KEYS, NESTED, Outgoing, Query, parquet
from tests import world
from tests.review.feedback import exported, settle_now
from tests.review.training import library


def table(data: bytes) -> Any:
    return library("pyarrow.parquet").ParquetFile(io.BytesIO(data))


def test_without_pyarrow_it_is_refused_with_what_to_do(
    bea: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("review.feedback.formats.find_spec", lambda _: None)

    with pytest.raises(Invalid, match="Install pyarrow on the server first: pip install pyarrow"):
        Outgoing("parquet", Query.parse({}, None))
    with pytest.raises(CommandError, match="Install pyarrow"):
        call_command("export_feedback", "--workflow", "expenses", "--format", "parquet")
    refused = bea.get("/review/exports/download?workflow=expenses&format=parquet")
    assert refused.status_code == 422
    assert "Format: Install pyarrow on the server first" in refused.content.decode()
    page = bea.get("/review/exports/").content.decode()
    assert 'value="parquet" disabled' in page


def test_columns_have_what_the_lines_have(expenses: Workflow) -> None:
    library("pyarrow")
    output = world.LUNCH | {"amount": 12}
    world.decided(world.in_review(expenses, key="a"), "bea", "corrected", output=output)
    world.decided(world.in_review(expenses, key="b"), "ben", "rejected", comment="=1+1")
    settle_now()

    data = b"".join(Outgoing("parquet", Query.parse({"workflow": "expenses"}, None)))

    found = table(data).read()
    assert {name: str(found.schema.field(name).type) for name in KEYS} == parquet.type_names()
    rows = found.to_pylist()
    for row, line in zip(rows, exported(), strict=True):
        moment = row.pop("decided_at")
        assert moment == datetime.fromisoformat(line.pop("decided_at"))
        texts = {key: row[key] and json.loads(row[key]) for key in NESTED}
        assert row | texts == line


def test_a_file_comes_in_groups_as_it_is_read(
    expenses: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    library("pyarrow")
    monkeypatch.setattr(parquet, "ROWS_IN_GROUP", 3)
    row: dict[str, Any] = dict.fromkeys(KEYS) | {"cursor": 1}

    chunks = list(parquet.write([[row, row], [row, row], [row]]))

    found = table(b"".join(chunks))
    assert [found.metadata.row_group(n).num_rows for n in range(found.num_row_groups)] == [4, 1]
    assert len(chunks) == 3
    assert all(chunks)


def test_no_rows_make_a_file_with_columns(expenses: Workflow) -> None:
    library("pyarrow")

    data = b"".join(Outgoing("parquet", Query.parse({"workflow": "expenses"}, None)))

    assert table(data).read().num_rows == 0
    assert table(data).schema_arrow.names == list(KEYS)


def test_it_goes_to_a_file_only(expenses: Workflow, tmp_path: Path) -> None:
    library("pyarrow")
    command = ["export_feedback", "--workflow", "expenses", "--format", "parquet"]
    with pytest.raises(CommandError, match="name a file with --out"):
        call_command(*command)

    call_command(*command, "--out", str(tmp_path / "f.parquet"))

    assert table((tmp_path / "f.parquet").read_bytes()).read().num_rows == 0
    manifest = orjson.loads((tmp_path / "f.parquet.manifest.json").read_bytes())
    assert manifest["format"] == "parquet"


def test_the_page_previews_it_as_lines(bea: Client, expenses: Workflow) -> None:
    library("pyarrow")
    world.decided(world.in_review(expenses, key="lunch"), "bea", "approved")
    settle_now()

    page = bea.get("/review/exports/?workflow=expenses&format=parquet")

    (line,) = page.context["found"].lines
    assert json.loads(line)["case_key"] == "lunch"
    assert "Shown as JSON Lines" in page.content.decode()
