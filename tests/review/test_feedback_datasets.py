"""Every format read by `datasets`, as one reads it who trains a model, and without a network."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from review.feedback import FORMATS, KEYS, NESTED, Outgoing, Query, sent
from tests.review.training import a_hard_month, library, written

LINES = [key for key, one in FORMATS.items() if one.suffix in {"jsonl", "json"}]
PAPER = Path(settings.BASE_DIR) / "docs/feedback.md"


@pytest.fixture
def month(db: None) -> None:
    library("pyarrow")
    library("datasets")
    a_hard_month()


def loaded(path: Path, **more: Any) -> Any:
    kind = {"jsonl": "json"}.get(path.suffix[1:], path.suffix[1:])
    return library("datasets").load_dataset(
        kind, data_files=str(path), split="train", cache_dir=str(path.parent / "cache"), **more
    )


def lines(path: Path) -> list[Any]:
    if path.suffix == ".json":
        found: list[Any] = json.loads(path.read_bytes())
        return found
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def nested_as_values(rows: Any) -> list[dict[str, Any]]:
    return [row | {key: row[key] and json.loads(row[key]) for key in NESTED} for row in rows]


@pytest.mark.parametrize("key", LINES)
def test_lines_whose_members_differ_lose_nothing(month: None, tmp_path: Path, key: str) -> None:
    path = written(tmp_path, key)

    found = list(loaded(path))

    for row in found:
        # What looks like a day in every row is read as one: the paper says how to keep the text.
        metadata = row.get("metadata") or row.get("data", {})
        if isinstance(metadata.get("case_key"), datetime):
            metadata["case_key"] = f"{metadata['case_key']:%Y-%m-%d}"
    assert found == lines(path)
    assert len(found) == {"jsonl": 8, "sft": 5, "eval": 5, "kto": 2, "labelstudio": 6}.get(key, 1)


def test_columns_have_their_types_and_say_the_same(month: None, tmp_path: Path) -> None:
    rows = loaded(written(tmp_path, "parquet"))

    features = {name: feature.dtype for name, feature in rows.features.items()}
    assert features["decided_at"] == "timestamp[us, tz=UTC]"
    assert {features[key] for key in (*NESTED, "case_key", "comment")} == {"string"}
    found = nested_as_values(rows)
    for row in found:
        row["decided_at"] = f"{row['decided_at']:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert found == lines(written(tmp_path, "jsonl"))


def test_a_sheet_is_read_with_its_values(month: None, tmp_path: Path) -> None:
    found = nested_as_values(loaded(written(tmp_path, "csv")))

    wanted = lines(written(tmp_path, "jsonl"))
    same = ("cursor", "confidence", "audit", "decided_at", *NESTED)
    assert [list(row) for row in found] == [list(KEYS)] * len(wanted)
    assert [[row[key] for key in same] for row in found] == [
        [row[key] for key in same] for row in wanted
    ]
    assert {"'@bare", "007"} < {row["case_key"] for row in found}


def test_one_row_is_enough(month: None, tmp_path: Path) -> None:
    for key in FORMATS:
        assert loaded(written(tmp_path, key, limit="1")).num_rows == 1


@pytest.mark.parametrize("key", FORMATS)
def test_what_broke_off_is_not_read_as_a_whole(month: None, tmp_path: Path, key: str) -> None:
    outgoing = Outgoing(key, Query.parse({}, None), told=_breaks)
    path = tmp_path / FORMATS[key].file_name("")

    with path.open("wb") as file, pytest.raises(OSError, match="Gone"):
        file.writelines(sent(outgoing, key))

    with pytest.raises((library("datasets").exceptions.DatasetGenerationError, ValueError)):
        loaded(path)


def _breaks(rows: int) -> None:
    raise OSError("Gone")


def test_what_the_paper_says_reads_them_whatever_comes_late(month: None, tmp_path: Path) -> None:
    """Small chunks: only from the first one `datasets` would guess what a column holds."""
    (code,) = re.findall(r"```python\n(.*?)```", PAPER.read_text(), re.DOTALL)
    for key in ("parquet", "preference-trl", "kto", "eval"):
        code = code.replace(f'"{FORMATS[key].file_name("")}"', repr(str(written(tmp_path, key))))
    told: dict[str, Any] = {"cache_dir": str(tmp_path / "cache")}

    exec(code.replace('split="train"', 'split="train", cache_dir=cache_dir'), told)  # noqa: S102

    rows = [row | {"decided_at": None} for row in told["rows"]]
    assert rows == [row | {"decided_at": None} for row in lines(written(tmp_path, "jsonl"))]
    for name, key in (("pairs", "preference-trl"), ("judged", "kto"), ("asked", "eval")):
        path = tmp_path / FORMATS[key].file_name("")
        late = loaded(path, features=told[name].features, chunksize=64)
        assert list(late) == list(told[name]) == lines(path)
