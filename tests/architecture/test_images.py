"""compose.yaml and the Dockerfile: no engine is at hand here, so what they say is read."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from orchestrator.management.commands.run import PROCESSES
from orchestrator.processes.servers import QUIET_SETTINGS

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
OURS = (*PROCESSES, "migrate")


def instructions(stage: int) -> list[tuple[str, str]]:
    """(instruction, arguments) of one stage of the Dockerfile, its lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    stages = re.split(r"(?m)^(?=FROM )", joined)[1:]
    rows = [line.split(None, 1) for line in stages[stage].splitlines() if line.strip()]
    return [(name, " ".join(rest.split())) for name, rest in rows]


def settings_explained() -> set[str]:
    return set(re.findall(r"^#(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_process_is_a_service() -> None:
    assert SERVICES.keys() == {*PROCESSES, "migrate", "postgres", "valkey"}
    assert {name: SERVICES[name]["command"] for name in PROCESSES} == {
        name: ["run", name] for name in PROCESSES
    }


@pytest.mark.parametrize("name", SERVICES.keys() - {"migrate"})
def test_every_service_that_stays_has_a_check_of_its_health(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= check.keys()
    assert SERVICES[name]["restart"] == "unless-stopped"
    # Not every engine sets HOSTNAME.
    assert "HOSTNAME" not in check["test"][-1]


@pytest.mark.parametrize("name", ["worker", "timers"])
def test_a_worker_is_asked_by_the_name_that_it_has(name: str) -> None:
    _, command = SERVICES[name]["healthcheck"]["test"]
    argv = PROCESSES[name]().argv

    asked = shlex.split(command.replace("$$(hostname)", "%h"))
    assert asked[:5] == ["celery", "-A", "orchestrator", "inspect", "ping"]
    assert asked[asked.index("-d") + 1] == argv[argv.index("-n") + 1]


def test_beat_is_well_while_others_report() -> None:
    *python, command = SERVICES["beat"]["healthcheck"]["test"]

    assert python == ["CMD", "python", "manage.py"]
    assert command in get_commands()


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert "privileged" not in service


@pytest.mark.parametrize("name", OURS)
def test_secrets_come_as_files(name: str) -> None:
    environ = SERVICES[name]["environment"]
    explained = settings_explained()

    for key, value in environ.items():
        assert key.removesuffix("_FILE") in explained
        if key.endswith("_FILE"):
            secret = value.removeprefix("/run/secrets/")
            assert secret in SERVICES[name]["secrets"]
            assert COMPOSE["secrets"][secret]["file"] == f"./secrets/{secret}"
    assert {"DATABASE_URL_FILE", "SECRET_KEY_FILE"} <= environ.keys()
    assert not re.search(r"password|secret", str(SERVICES["web"].get("command")), re.IGNORECASE)


def test_no_secret_stands_in_the_file() -> None:
    assert "://rewire:" not in (ROOT / "compose.yaml").read_text()
    assert "secrets/" in (ROOT / ".gitignore").read_text().split()
    assert "!secrets" not in (ROOT / ".dockerignore").read_text()


def test_nothing_is_published_but_the_pages_to_this_machine() -> None:
    published = {name: row["ports"] for name, row in SERVICES.items() if "ports" in row}

    assert published == {"web": ["127.0.0.1:${PORT:-8000}:8000"]}
    # Inside it stays where the check of its health asks, whatever PORT is outside.
    assert SERVICES["web"]["environment"]["PORT"] == "8000"
    assert ":8000/healthz" in SERVICES["web"]["healthcheck"]["test"][-1]


def test_the_log_of_postgresql_quotes_no_rows() -> None:
    argv = SERVICES["postgres"]["command"]

    assert argv[0] == "postgres"
    assert argv[2::2] == list(QUIET_SETTINGS)


def test_what_a_service_waits_for_is_there() -> None:
    for service in SERVICES.values():
        for other, wait in service.get("depends_on", {}).items():
            assert other in SERVICES
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other]
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["restart"] == "no"
    for name in PROCESSES:
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"


def test_a_stop_leaves_the_time_that_processes_take() -> None:
    for name, make in PROCESSES.items():
        assert int(SERVICES[name]["stop_grace_period"].removesuffix("s")) >= make().grace


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_images_of_others_have_a_version(name: str) -> None:
    version = SERVICES[name]["image"].partition(":")[2]

    assert re.fullmatch(r"\d+", version)
    assert name != "postgres" or 15 <= int(version) <= 18


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_special() -> None:
    first, last = instructions(0), instructions(1)

    assert first[0] == ("FROM", "python:3.11-slim AS build")
    assert last[0] == ("FROM", "python:3.11-slim")
    assert [rest for name, rest in last if name == "USER"] == ["10001:10001"]
    assert last.index(("USER", "10001:10001")) > max(
        place for place, (name, _) in enumerate(last) if name in ("RUN", "COPY")
    )
    assert not [rest for name, rest in last if name == "ADD"]


def test_the_image_runs_a_process_of_the_group() -> None:
    last = dict(instructions(1))

    entry, command = yaml.safe_load(last["ENTRYPOINT"]), yaml.safe_load(last["CMD"])

    assert entry == ["python", "manage.py"]
    assert command == ["run", "web"]
    assert {command[0], "migrate"} <= get_commands().keys()


def test_packages_are_those_of_the_lock_with_their_hashes() -> None:
    installs = [
        words
        for name, rest in instructions(0)
        if name == "RUN"
        for words in (shlex.split(part) for part in rest.split("&&"))
        if "install" in words
    ]

    assert len(installs) == 2
    assert all("--require-hashes" in words for words in installs)
    assert installs[1][-4:] == ["-r", "pyproject.toml", "-c", "requirements.lock"]
    # The Makefile takes the installer out of the lock in the same way.
    assert "/^uv==/,/[^\\\\]$$/p" in (ROOT / "Makefile").read_text()
    assert "/^uv==/,/[^\\\\]$/p" in DOCKERFILE


def test_settings_of_the_image_are_settings() -> None:
    given = [rest for name, rest in instructions(1) if name == "ENV"]
    names = set(re.findall(r"(\w+)=", " ".join(given)))

    assert names - {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"} <= settings_explained()


def test_everything_that_runs_goes_into_the_image_and_nothing_else() -> None:
    kept = set(re.findall(r"^!([\w.]+)/?$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))
    needed = {"manage.py", "pyproject.toml", "requirements.lock", "LICENSE"}
    folders = {"orchestrator", "review", "integrations", "templates", "static"}

    assert needed | folders <= kept
    assert kept <= needed | folders | {"locale"}
