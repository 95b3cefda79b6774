"""One demo for all acceptance tests of a run, with everything that it starts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from tests.acceptance.site import Site
from tests.acceptance.stalling import PAYMENTS, Line, pid_behind, stalling_line
from tests.living import alive
from tests.readers import train

CASES = 30
LAST = ("test_killed.py", "test_orphans.py")


def pytest_itemcollected(item: pytest.Item) -> None:
    """The first of them waits until the demo is ready."""
    item.add_marker(pytest.mark.timeout(300))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What has to wait comes last."""
    here = Path(__file__).parent
    items.sort(key=lambda item: here in item.path.parents and _place(item))


def _place(item: pytest.Item) -> int:
    return LAST.index(item.path.name) + 1 if item.path.name in LAST else 0


@pytest.fixture(scope="session")
def line() -> Iterator[Line]:
    with stalling_line() as line:
        yield line


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, line: Line) -> Iterator[Site]:
    """The demo with some cases, more people, and two more workflows: expenses and payments."""
    folder = tmp_path_factory.mktemp("acceptance")
    _copy_readers(folder)
    site = Site(folder, _free_port())
    try:
        site.start(CASES)
        line.target = site.ledger_url
        _invite(site, line)
        yield site
    finally:
        assert site.stop() == 0, site.said
        assert alive(site.home) == []


@dataclass(frozen=True, slots=True)
class Killed:
    """A worker that died while it paid for a case."""

    pid: int
    case_id: int


@pytest.fixture(scope="session", autouse=True)
def killed(site: Site, line: Line) -> Killed:
    """The kill comes first: the lease of what died lasts longer than all other tests."""
    data = {"amount": 12, "currency": "EUR", "orders": [{"order_id": "K-1"}]}
    case_id = site.started("payments", "killed", data)
    assert line.stuck.wait(30), "nobody called the ledger"
    pid = pid_behind(line.ports[0])
    os.kill(pid, signal.SIGKILL)
    return Killed(pid, case_id)


def _copy_readers(folder: Path) -> None:
    """Train once for a run of tests, not for each demo in it."""
    train()
    for name in ("refunds", "digits", "feedback"):
        shutil.copytree(settings.HOME.path / "demo" / name, folder / "demo" / name)


def _invite(site: Site, line: Line) -> None:
    payments = PAYMENTS.replace("{url}", line.url)
    site.keys = json.loads(site.run("-m", "tests.acceptance.people", given=payments))
    key = site.run("manage.py", "create_api_key", "--actor", "importer", "--scopes", "cases")
    site.keys["importer"] = key.strip()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
