"""docs/feedback.md: each format has its section, and its sample is what the format writes."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from django.conf import settings

from review.feedback import FORMATS, KEYS
from review.feedback.parquet import type_names

PAPER = (Path(settings.BASE_DIR) / "docs/feedback.md").read_text()
SECTIONS = dict(re.findall(r"^### `([\w-]+)`\n(.*?)(?=^##)", PAPER, re.MULTILINE | re.DOTALL))


def sample(key: str) -> str:
    (found,) = re.findall(r"```\w+\n(.*?)```", SECTIONS[key], re.DOTALL)
    return str(found)


def test_every_format_has_its_section_and_no_other() -> None:
    assert list(SECTIONS) == list(FORMATS)


@pytest.mark.parametrize("key", [key for key, one in FORMATS.items() if one.kind != "row"])
def test_samples_of_examples_are_in_the_shape_of_their_consumer(key: str) -> None:
    shape = json.loads((Path(settings.BASE_DIR) / f"tests/review/shapes/{key}.json").read_text())

    (line,) = sample(key).splitlines()

    jsonschema_rs.validator_for(shape).validate(json.loads(line))


def test_the_samples_of_rows_have_their_keys() -> None:
    row: dict[str, Any] = json.loads(sample("jsonl"))
    (cells,) = csv.DictReader(io.StringIO(sample("csv")))

    assert tuple(row) == tuple(cells) == KEYS
    assert json.loads(cells["corrections"]) == row["corrections"]


def test_the_columns_of_parquet_are_told_with_their_types() -> None:
    assert json.loads(sample("parquet")) == type_names()
