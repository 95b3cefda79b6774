"""The pages name commands, settings, addresses and metrics that exist, and their examples run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.test import Client
from django.urls import resolve
from pytest_django.live_server_helper import LiveServer

from orchestrator import engine, metrics
from orchestrator.definitions.format import FILE
from orchestrator.management.commands.run import PROCESSES
from orchestrator.models import Case, Incident, Task
from tests.world import actor, workflow

ROOT = Path(__file__).parents[2]
HOW_TOS = {page.name: page.read_text() for page in sorted((ROOT / "docs/how-to").glob("*.md"))}
OTHERS = [*sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("*.md")), *ROOT.glob("*/README.md")]
TEXTS = HOW_TOS | {str(page.relative_to(ROOT)): page.read_text() for page in OTHERS}
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Names that an example gives to something of its own.
OWN = {
    "PYTHON",
    "REWIRE_KEY",
    "REWIRE_HOME_PAGE",
    "MAINTENANCE_URL",
    "PYTHONPATH",
    "REQUIRE_BROWSER",
    "ARGS",
    "DISABLE_SERVER_SIDE_CURSORS",
}

each_page = pytest.mark.parametrize("name", TEXTS)


def blocks(name: str, language: str) -> list[str]:
    found = BLOCK.findall(TEXTS[name])
    return [re.sub(rf"(?m)^{indent}", "", text) for indent, kind, text in found if kind == language]


def told() -> set[str]:
    return set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_the_pages_are_there() -> None:
    assert HOW_TOS.keys() == {
        "put-to-work.md",
        "install.md",
        "upgrade.md",
        "change-a-workflow.md",
        "back-up.md",
        "scale-out.md",
        "watch.md",
        "write-a-connector.md",
        "connect-an-agent.md",
        "write-a-worker.md",
        "resolve-incidents.md",
        "retention.md",
    }


@each_page
def test_its_commands_of_manage_py_exist_with_their_options(name: str) -> None:
    for command, rest in re.findall(r"manage\.py ([a-z_]+)([^`\n&|]*)", TEXTS[name]):
        if command == "demo":  # There only with the demo's app.
            continue
        assert command in get_commands()
        loaded = load_command_class(get_commands()[command], command)
        known = loaded.create_parser("manage.py", command)._option_string_actions
        assert set(re.findall(r"--[a-z-]+", rest)) <= known.keys(), (command, rest)


@each_page
def test_its_targets_of_make_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(re.findall(r"\bmake ([a-z-]+)$", TEXTS[name], re.MULTILINE)) <= targets
    assert set(re.findall(r"`make ([a-z-]+)`", TEXTS[name])) <= targets


@each_page
def test_its_settings_exist(name: str) -> None:
    assigned = re.findall(r"\b([A-Z][A-Z_]{3,})=", TEXTS[name])
    named = re.findall(r"`([A-Z]+_[A-Z_]+)`", TEXTS[name])
    names = {found.removesuffix("_FILE") for found in (*assigned, *named)}

    assert names - told() - OWN == set()


@each_page
def test_its_addresses_exist(name: str) -> None:
    for path in re.findall(r"(/api/(?!v1/\")[\w/{}-]+(?:\.json)?)", TEXTS[name]):
        found = resolve(re.sub(r"\{\w+\}", "1", path))
        assert found.url_name, path
    for path in re.findall(r"`(/(?:healthz|readyz|metrics))`", TEXTS[name]):
        assert resolve(path).url_name


@each_page
def test_its_services_exist(name: str) -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    run = re.findall(r"docker compose (?:exec|run --rm) (\w+)", TEXTS[name])
    scaled = re.findall(r"--scale (\w+)=", TEXTS[name])
    units = re.findall(r"rewire@(\w+)", TEXTS[name])

    assert set(run) | set(scaled) <= services.keys()
    assert set(units) - {"service"} <= PROCESSES.keys()


@each_page
def test_its_shell_lines_can_be_read(name: str) -> None:
    for block in blocks(name, "sh"):
        for line in block.replace("\\\n", " ").split("\n") if "'{" not in block else [block]:
            shlex.split(line, comments=True)


@each_page
def test_its_json_can_be_read(name: str) -> None:
    for block in blocks(name, "json"):
        for document in [block] if block.startswith("{\n") else re.split(r"\n(?=\{)", block):
            json.loads(document)


@each_page
def test_its_yaml_is_what_the_file_of_a_workflow_may_say(name: str) -> None:
    """Whole, or a part: of the workflow or of one of its steps."""
    whole = loose(FILE)
    step = whole["properties"]["steps"]["items"]
    for block in blocks(name, "yaml"):
        part = yaml.safe_load(block)
        if name == "watch.md" or part.keys() == {"invoice"}:
            continue
        fits = part.keys() <= whole["properties"].keys()
        jsonschema_rs.validate(whole if fits else step, part)


def loose(schema: Any) -> Any:
    """A schema that asks for nothing, so that parts fit it."""
    if isinstance(schema, dict):
        return {key: loose(value) for key, value in schema.items() if key != "required"}
    return [loose(value) for value in schema] if isinstance(schema, list) else schema


def test_the_unit_starts_what_exists() -> None:
    (unit,) = blocks("install.md", "ini")
    stop = re.search(r"TimeoutStopSec=(\d+)", unit)

    assert "manage.py run %i\n" in unit
    assert "EnvironmentFile=/etc/rewire/env" in unit
    assert stop
    assert int(stop[1]) >= max(make().grace for make in PROCESSES.values())


def test_nginx_lets_the_largest_attachment_through() -> None:
    (server,) = blocks("install.md", "nginx")
    size = re.search(r"client_max_body_size (\d+)m;", server)

    assert size
    assert int(size[1]) << 20 > settings.ATTACHMENT_MAX_BYTES


@pytest.mark.django_db
def test_every_metric_is_explained_and_no_other() -> None:
    shown = set(re.findall(r"^# TYPE (\w+)", metrics.exposition(), re.MULTILINE))

    assert set(re.findall(r"`(rewire_\w+)`", TEXTS["watch.md"])) == shown


@pytest.mark.django_db
def test_the_line_of_the_log_has_the_keys_of_a_real_one() -> None:
    (example,) = blocks("watch.md", "json")

    assert json.loads(example).keys() == {
        *("time", "level", "logger", "message", "request", "task", "status", "ms", "user")
    }


@pytest.mark.django_db
def test_the_agent_of_the_page_brings_its_case() -> None:
    workflow()
    first, second = blocks("connect-an-agent.md", "sh")
    _, _, *options = shlex.split(first)
    key = StringIO()
    call_command("create_api_key", *options, stdout=key)
    body = json.loads(shlex.split(second)[-1])
    path = re.search(r"https://review\.example\.com(\S+)", second)
    assert path

    answer = post(path[1], body, key.getvalue().strip())
    again = post(path[1], body, key.getvalue().strip())

    assert (answer.status_code, again.status_code) == (201, 200)
    case = Case.objects.get(key="receipt-2026-0815")
    assert case.tasks.get().state == "in_review"
    assert case.tasks.get().tries.get().field_confidence == {"/merchant": 0.97, "/amount": 0.82}


@pytest.mark.django_db(transaction=True)
def test_the_worker_of_the_page_works(live_server: LiveServer) -> None:
    (actors, step), key = blocks("write-a-worker.md", "yaml")[0].split("steps:\n"), StringIO()
    text = f"{SHOP}{actors}steps:\n{step}{REST}"
    place = workflow(text)
    (first, _second), (program,) = (
        blocks("write-a-worker.md", "sh"),
        blocks("write-a-worker.md", "python"),
    )
    call_command("create_api_key", *shlex.split(first)[2:], stdout=key)
    for number, data in enumerate(({"items": ["a", "b"]}, {})):
        engine.start_case(place, actor=actor("alice"), key=f"{number}", data=data)
    environ = {"REWIRE_HOME_PAGE": live_server.url, "REWIRE_KEY": key.getvalue().strip()}

    with subprocess.Popen([sys.executable, "-c", program], env=os.environ | environ) as worker:
        until(lambda: not Task.objects.filter(state__in=("ready", "running")).exists())
        worker.terminate()

    done, failed = Case.objects.order_by("key")
    assert (done.state, done.data["pack"]) == ("completed", {"boxes": 2})
    assert "KeyError" in Incident.objects.get(task__case=failed).detail["message"]


SHOP = """
workflow: shop
name: Shop
owner: alice
groups: [Finance]
accountable: alice
data: {type: object}
"""
REST = """
  - {key: sent, name: Sent, kind: end, outcome: sent}
transitions:
  - {from: pack, to: sent}
"""


def until(look: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not look():
        assert time.monotonic() < end
        time.sleep(0.05)


def post(path: str, body: dict[str, Any], key: str) -> Any:
    headers = {"Authorization": f"Bearer {key}"}
    return Client().post(path, body, content_type="application/json", headers=headers)


def test_no_lock_belongs_to_a_session() -> None:
    """A pooler in transaction mode changes the session between two statements."""
    places = [
        f"{path.relative_to(ROOT)}: {found}"
        for app in ("orchestrator", "review", "integrations")
        for path in (ROOT / app).rglob("*.py")
        for found in re.findall(r"pg_(?:try_)?advisory_(?!xact)\w+", path.read_text())
    ]

    assert places == []
