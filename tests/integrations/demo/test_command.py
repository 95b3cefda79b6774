from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from integrations.demo.management.commands.demo import Command
from integrations.demo.processes import free_port, ledger_process


@pytest.fixture
def home(tmp_path: Path, settings: Settings) -> Path:
    settings.HOME = type(settings.HOME).at(tmp_path)
    return tmp_path


def test_reset_forgets_the_demo_and_keeps_what_is_not_ours(home: Path) -> None:
    for name in ("postgres", "demo", "photos"):
        (home / name).mkdir()

    Command().reset()

    assert not (home / "postgres").exists()
    assert not (home / "demo").exists()
    assert (home / "photos").exists()


def test_reset_does_not_touch_a_state_folder_in_use(home: Path, settings: Settings) -> None:
    (home / "demo").mkdir()

    with settings.HOME.lock(), pytest.raises(CommandError, match="already runs"):
        Command().handle(reset=True)

    assert (home / "demo").exists()


def test_reset_leaves_somebody_elses_database_alone(settings: Settings) -> None:
    settings.EMBEDDED_DATABASE = False

    with pytest.raises(CommandError, match="DATABASE_URL"):
        Command().handle(reset=True)


def test_the_ledger_takes_a_port_that_nobody_has() -> None:
    port = free_port()

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        assert free_port() != port
    assert ledger_process(port).argv[-1] == str(port)


def test_web_processes_never_import_numpy() -> None:
    modules = ("refunds.agent", "digits.agent", "digits.views", "feedback.agent", "urls", "cases")
    imports = "; ".join(f"import integrations.demo.{module}" for module in modules)
    program = f"import django, sys; django.setup(); {imports}; print('numpy' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False\n"
