"""A month of settled decisions that is hard to read, and the libraries that read it."""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator import engine
from orchestrator.models import Task, Workflow
from review.feedback import Outgoing, Query, format_of
from tests import world
from tests.review.feedback import settle_now

# Said before the libraries are imported: afterwards they no longer look.
QUIET: Final = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

VISITS: Final = """
workflow: visits
name: Visits
owner: alice
groups: [Finance]
accountable: alice
data:
  type: object
  required: [text]
  properties: {text: {type: [string, object, "null"]}, pages: {type: array}}
steps:
  - key: tell
    name: Tell what was seen
    kind: human
    schema:
      type: object
      required: [seen]
      properties:
        seen: {type: array, items: {type: object}}
        amount: {type: [string, "null"]}
    rights:
      - name: Everything
        mode: review
        group: Expense reviewers
        allowed: [responded, rejected]
  - key: end
    name: End
    kind: end
    outcome: told
transitions:
  - {from: tell, to: end}
"""


def library(name: str) -> Any:
    """A module from tests/extra.lock. Without it the test is skipped, or fails under
    REQUIRE_LIBRARIES=1."""
    if find_spec(name.partition(".")[0]) is None:
        reason = f"This test needs {name}: pip install --no-deps -r tests/extra.lock."
        if os.environ.get("REQUIRE_LIBRARIES") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in QUIET.items():
            patch.setenv(key, value)
        return importlib.import_module(name)


def a_hard_month() -> None:
    """Two workflows whose inputs and answers have nothing in common, one without a word to its
    people, and values that readers trip over."""
    expenses, visits = world.workflow(), world.workflow(VISITS)
    lunch = world.in_review(expenses, key="2026-11-24", text="2026-11-24")
    world.decided(lunch, "bea", "corrected", output=world.LUNCH | {"amount": 12})
    flight = {"merchant": "Zoë \U0001f6eb\u2028\u202e\n=1+1", "amount": (1 << 63) - 1}
    large = world.in_review(expenses, flight, key="007", text='{"a": [1, null]}')
    world.decided(large, "bea", "approved", comment="NA")
    world.decided(large, "ben", "approved")
    bare = world.in_review(expenses, {"merchant": "X", "amount": 1}, key="@bare", text="")
    world.decided(bare, "ben", "rejected", comment="-1")
    for key, data, output in (
        ("v1", {"text": {"de": "Ja", "n": 1}, "pages": []}, {"seen": []}),
        ("v2", {"text": None}, {"seen": [{"a": 1}, {"b": [None, True]}], "amount": None}),
        ("v3", {"text": "Read", "pages": [1, "x", {}]}, {"seen": [{}], "amount": "12"}),
    ):
        task = _asked(visits, key, data)
        world.decided(task, "bea", "responded", output=output)
    world.started(expenses, world.LUNCH, confidence=0.95)
    settle_now()


def _asked(place: Workflow, key: str, data: Any) -> Task:
    started = engine.start_case(place, actor=world.actor("alice"), key=key, data=data)
    return started.case.tasks.get()


def written(folder: Path, key: str, **asked: str) -> Path:
    """The file of a format with all that was settled."""
    path = folder / format_of(key).file_name("")
    path.write_bytes(b"".join(Outgoing(key, Query.parse(asked, None))))
    return path
