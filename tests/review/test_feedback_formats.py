"""JSON Lines and CSV: nothing lost in one, nothing run by the other."""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.exceptions import Invalid
from orchestrator.models import Workflow
from review.feedback import FORMATS, KEYS, Outgoing, Query, format_of
from review.feedback.formats import cell
from tests import world
from tests.review.feedback import settle_now

STARTS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b\u2212"
BEFORE = " \u00a0\u3000\u200b\ufeff\n"
HOSTILE = st.text(BEFORE, max_size=3).flatmap(
    lambda space: st.sampled_from(STARTS).flatmap(
        lambda start: st.text(max_size=8).map(lambda rest: space + start + rest)
    )
)


def written(text: Any, key: str = "comment") -> str:
    """One row of a sheet with this comment, as a CSV reader sees that cell."""
    row: dict[str, Any] = dict.fromkeys(KEYS) | {key: text}
    data = b"".join(FORMATS["csv"].write([[row]]))
    (found,) = csv.DictReader(io.StringIO(data.decode(), newline=""))
    return found[key]


@given(HOSTILE, st.sampled_from(["", "x;", "x\t", "x\r\n", "\n", "1;2; "]))
def test_no_cell_starts_a_formula_whatever_separates_cells(text: str, before: str) -> None:
    text = before + text.encode("utf-8", "ignore").decode()

    found = written(text)

    assert found.replace("'", "") == text.replace("'", "")
    assert before or found.startswith("'")
    for part in re.split(r"[;\t\r\n]", found):
        start = unicodedata.normalize("NFKC", part.strip(BEFORE))[:1]
        assert start == "" or start not in "=+-@\u2212"


@given(HOSTILE)
def test_a_json_text_in_a_cell_says_the_same_and_starts_no_formula(text: str) -> None:
    value = {"text": f"x;{text};-1;ok", "n": -5}
    told = orjson.dumps(json.loads(json.dumps(value).encode("utf-8", "ignore"))).decode()

    found = written(told, "input")

    assert json.loads(found) == value
    for part in found.split(";")[1:]:
        start = unicodedata.normalize("NFKC", part.strip(BEFORE))[:1]
        assert start == "" or start not in "=+-@\u2212"
    assert written("-5", "input") == "-5"


@given(st.text(st.characters(categories=["L", "N"]), min_size=1).map(lambda start: f"{start} =1"))
def test_other_text_stays_as_it_is(text: str) -> None:
    assert written(text) == text


@pytest.mark.parametrize(
    "text", ["", "  ", "'=1", "a; b\nc;\n;1=1", "(=1)", "\u00e9=", "\U0001f600"]
)
def test_what_starts_no_formula_stays(text: str) -> None:
    assert written(text) == text


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (-5, "-5"),
        (-0.25, "-0.25"),
        (True, "true"),
        (None, ""),
        (datetime(2026, 1, 31, 13, tzinfo=timezone(timedelta(hours=1))), "2026-01-31T12:00:00Z"),
    ],
)
def test_numbers_stay_numbers(value: Any, wanted: str) -> None:
    assert written(value) == wanted
    assert not isinstance(value, float) or isinstance(cell(value), float)


def sheet(query: Query) -> list[dict[str, str]]:
    data = b"".join(Outgoing("csv", query)).decode()
    return list(csv.DictReader(io.StringIO(data, newline="")))


def test_a_sheet_has_what_the_lines_have(expenses: Workflow) -> None:
    value = world.LUNCH | {"merchant": "=HYPERLINK(1)", "amount": 7}
    task = world.in_review(expenses, value, key="@lunch")
    world.decided(task, "bea", "corrected", output=value | {"amount": 8}, comment="+49 \u00e9")
    settle_now()
    query = Query.parse({"workflow": "expenses"}, None)

    (cells,) = sheet(query)

    (line,) = map(json.loads, b"".join(Outgoing("jsonl", query)).splitlines())
    assert list(cells) == list(KEYS) == list(line)
    assert (cells["case_key"], cells["comment"]) == ("'@lunch", "'+49 \u00e9")
    for key in ("output", "final", "corrections", "patch", "field_provenance", "route"):
        assert json.loads(cells[key]) == line[key]
    assert (int(cells["cursor"]), cells["confidence"]) == (line["cursor"], "0.5")
    moment = datetime.fromisoformat(cells["decided_at"])
    assert moment == datetime.fromisoformat(line["decided_at"])
    assert moment.tzinfo == UTC or moment.utcoffset() == timedelta(0)


def test_an_empty_sheet_has_its_header(expenses: Workflow) -> None:
    data = b"".join(Outgoing("csv", Query.parse({"workflow": "expenses"}, None)))

    assert data.decode() == ",".join(KEYS) + "\r\n"


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(Invalid, match="jsonl, csv"):
        format_of("xlsx")
