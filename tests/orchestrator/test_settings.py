"""The settings, as a new process reads them from its environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from orchestrator.processes.child import PROJECT

pytestmark = pytest.mark.django_db

PRODUCTION = {
    "REWIRE_URL": "https://review.example.com",
    "DATABASE_URL": "postgres://rewire:word@db.example.com/rewire",
    "REDIS_URL": "redis://redis.example.com/0",
    "SECRET_KEY": "a-long-random-text-of-more-than-fifty-characters-0123456789",
}


def manage(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``manage.py`` with only these settings in the environment."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], "REWIRE_HOME": str(home)} | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_production_passes_the_deployment_checks(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "DEBUG", **PRODUCTION)

    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_an_own_database_asks_for_an_own_secret(tmp_path: Path) -> None:
    environ = {name: value for name, value in PRODUCTION.items() if name != "SECRET_KEY"}

    result = manage(tmp_path, "check", **environ)

    assert result.returncode == 1
    assert result.stderr == (
        "Not configured: Set SECRET_KEY (or SECRET_KEY_FILE) to a long random text.\n"
    )


@pytest.mark.parametrize("text", ["from-a-file", "from-a-file\n", "from-a-file\r\n"])
def test_a_secret_may_lie_in_a_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "key").write_text(text)
    code = "from django.conf import settings; print(settings.SECRET_KEY)"

    result = manage(tmp_path, "shell", "-v0", "-c", code, SECRET_KEY_FILE=str(tmp_path / "key"))

    assert result.stdout == "from-a-file\n"


def test_the_address_of_the_database_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgres://rewire:word@db.example.com/rewire\n")
    code = "from django.conf import settings; print(settings.DATABASES['default']['NAME'], 'it')"
    environ = PRODUCTION | {"DATABASE_URL": "", "DATABASE_URL_FILE": str(tmp_path / "url")}

    result = manage(tmp_path, "shell", "-v0", "-c", code, **environ)

    assert result.stdout == "rewire it\n"


def test_a_secret_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", SECRET_KEY_FILE=str(tmp_path / "nothing"))

    assert result.returncode == 1
    assert re.fullmatch(r"Not configured: SECRET_KEY_FILE cannot be read: .*\.\n", result.stderr)


def test_a_closed_state_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = manage(tmp_path / "file", "check")

    assert result.returncode == 1
    assert re.fullmatch(r"Not configured: Cannot .*\.\n", result.stderr)


def test_an_empty_secret_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()

    result = manage(tmp_path, "check")

    assert result.returncode == 1
    assert re.fullmatch(r"Not configured: .*secret is empty\. Delete it: .*\n", result.stderr)


@pytest.mark.parametrize(
    ("text", "said"), [("many", "PORT is no whole number."), ("-1", "PORT is below 0.")]
)
def test_what_is_no_number_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    result = manage(tmp_path, "check", PORT=text)

    assert (result.returncode, result.stderr) == (1, f"Not configured: {said}\n")


def test_connectors_of_other_packages_join_those_that_ship(tmp_path: Path) -> None:
    code = "from orchestrator.connectors import connector_kinds; print(*connector_kinds())"

    own = manage(tmp_path, "shell", "-v0", "-c", code, REWIRE_CONNECTORS="chat=shop.chat.Chat")
    gone = manage(tmp_path, "check", REWIRE_CONNECTORS="chat=shop.chat.Chat")

    assert own.stdout == "anthropic chat fake http openai_compatible python\n"
    assert "The connector 'chat' cannot be imported" in gone.stderr


def test_a_connector_without_its_class_is_one_sentence(tmp_path: Path) -> None:
    result = manage(tmp_path, "check", REWIRE_CONNECTORS="chat")

    assert (result.returncode, result.stderr) == (
        1,
        "Not configured: REWIRE_CONNECTORS: write kind=package.Class, with commas.\n",
    )


def test_a_command_without_its_database_is_one_sentence(tmp_path: Path) -> None:
    own = manage(tmp_path, "check_orphans")
    other = manage(
        tmp_path, "check_orphans", **PRODUCTION | {"DATABASE_URL": "postgres://x:y@127.0.0.1:1/z"}
    )

    assert own.returncode == other.returncode == 1
    assert own.stderr == (
        f"The database in {tmp_path} does not run: "
        "start it with `make demo` or `make up`, or set REWIRE_HOME.\n"
    )
    assert re.fullmatch(r"Cannot reach the database: .*\n", other.stderr)


def test_every_setting_is_explained() -> None:
    source = (PROJECT / "orchestrator" / "settings.py").read_text()
    example = (PROJECT / ".env.example").read_text()

    read = set(re.findall(r'env\.\w+\(\s*"(\w+)"', source))
    explained = set(re.findall(r"^#(\w+)=", example, re.MULTILINE))

    assert read == explained


def test_the_server_ends_what_takes_too_long() -> None:
    with connection.cursor() as cursor:
        for name, milliseconds in settings.DATABASE_TIMEOUTS.items():
            cursor.execute("SELECT setting FROM pg_settings WHERE name = %s", [name])
            assert cursor.fetchone() == (str(milliseconds),)


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/", "/healthz", "/nothing"])
def test_every_page_has_a_strict_policy(client: Client, path: str) -> None:
    policy = client.get(path, follow=True).headers["Content-Security-Policy"]

    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert re.search(r"script-src 'self'( 'nonce-[\w+/=-]+')?(;|$)", policy)


def test_nobody_signs_up_alone(client: Client) -> None:
    response = client.post(
        "/accounts/signup/",
        {"username": "eve", "password1": "tr0ub4dor&3", "password2": "tr0ub4dor&3"},
    )

    assert response.status_code == 200
    assert not client.session.get("_auth_user_id")


def test_passwords_cannot_be_guessed_quickly(client: Client) -> None:
    guesses = [
        client.post("/accounts/login/", {"login": "dora", "password": str(guess)})
        for guess in range(12)
    ]

    assert guesses[0].status_code == 200
    assert b"Too many failed" in guesses[-1].content
