"""What docs/api.md says of the API: its program runs, and its words are the API's."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from pytest_django.live_server_helper import LiveServer

from orchestrator.api.answers import MOST
from orchestrator.api.keys import SCOPES
from orchestrator.exceptions import Refusal
from orchestrator.models import Decision
from tests.programs import Program
from tests.world import person, workflow

PAGE = (Path(settings.BASE_DIR) / "docs/api.md").read_text()


@pytest.mark.django_db(transaction=True)
def test_the_program_of_the_page_brings_decides_and_takes_away(live_server: LiveServer) -> None:
    workflow()
    person("rita", "Finance", "Expense reviewers")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    program, reviewer = (made(line) for line in re.findall(r"manage\.py (create_api_key.*)", PAGE))
    keys = {"REWIRE_KEY": program, "REWIRE_REVIEW_KEY": reviewer}

    run = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | keys | {"REWIRE_HOME_PAGE": live_server.url},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    row, cursor = run.stdout.splitlines() or (run.stderr, "")
    assert row.startswith("r-1 corrected {'amount': 42.5"), run.stderr
    assert row.endswith("{'amount': 12, 'merchant': 'Kantine'}")
    assert Decision.objects.get().actor.user == person("rita")
    assert cursor.isdigit()


@pytest.mark.django_db
def test_the_error_of_the_page_is_the_api_s() -> None:
    workflow()
    (shown,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)

    told = Program("alice").post("workflows/expenses/cases", {"key": "1", "data": {}})

    assert told.json() == json.loads(shown)


def test_its_words_are_those_of_the_api() -> None:
    types = {kind.type for kind in Refusal.__subclasses__()}
    named = set(re.findall(r"`(stale-[a-z]+)`", PAGE))

    assert named <= types
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == set(SCOPES)
    assert f"at most {MOST:,}." in PAGE


def made(command: str) -> str:
    """The key that a line of the page prints."""
    out = StringIO()
    call_command(*shlex.split(command), stdout=out)
    return out.getvalue().strip()
