"""docs/feedback.md: each format has its section, and its sample is what the format writes."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
import yaml
from django.conf import settings

from orchestrator.schema.shapes import shapes_of
from review.feedback import FORMATS, KEYS, NESTED, labelstudio
from review.feedback.examples import Asked
from review.feedback.parquet import type_names
from tests import world

PAPER = (Path(settings.BASE_DIR) / "docs/feedback.md").read_text()
SECTIONS = dict(re.findall(r"^### `([\w-]+)`\n(.*?)(?=^##)", PAPER, re.MULTILINE | re.DOTALL))


def sample(key: str) -> str:
    found = re.findall(r"```(?:json|csv)\n(.*?)```", SECTIONS[key], re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_every_format_has_its_section_and_no_other() -> None:
    assert list(SECTIONS) == list(FORMATS)


@pytest.mark.parametrize("key", [key for key, one in FORMATS.items() if one.kind != "row"])
def test_samples_of_examples_are_in_the_shape_of_their_consumer(key: str) -> None:
    shape = json.loads((Path(settings.BASE_DIR) / f"tests/review/shapes/{key}.json").read_text())

    (line,) = sample(key).splitlines()
    found = json.loads(line)

    (example,) = found if FORMATS[key].suffix == "json" else [found]
    jsonschema_rs.validator_for(shape).validate(example)


def test_the_samples_of_rows_have_their_keys() -> None:
    row: dict[str, Any] = json.loads(sample("jsonl"))
    (cells,) = csv.DictReader(io.StringIO(sample("csv")))

    assert tuple(row) == tuple(cells) == KEYS
    assert json.loads(cells["corrections"]) == row["corrections"]


def test_the_task_is_that_of_the_row() -> None:
    row = json.loads(sample("jsonl"))
    row |= {key: json.dumps(row[key]) for key in NESTED} | {"id": 1}
    schema = next(one for one in yaml.safe_load(world.EXPENSES)["steps"] if one["key"] == "read")
    asked = Asked("", shapes_of(schema["schema"]))

    (task,) = json.loads(sample("labelstudio"))

    assert task == orjson.loads(orjson.dumps(labelstudio.task(row, asked)))
    (config,) = re.findall(r"```xml\n(.*?)```", SECTIONS["labelstudio"], re.DOTALL)
    assert config == task["meta"]["config"]


def test_the_columns_of_parquet_are_told_with_their_types() -> None:
    assert json.loads(sample("parquet")) == type_names()
