"""Real servers for the whole run, and a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone, translation
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from orchestrator.processes.child import Child
from orchestrator.processes.servers import start_postgres, start_valkey

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

hypothesis.settings.register_profile("rewire", max_examples=60, deadline=None)
hypothesis.settings.load_profile("rewire")

servers: list[Child] = []


def pytest_configure(config: pytest.Config) -> None:
    """One PostgreSQL and one Valkey for each pytest run, shared by its workers.

    The first process starts them before the workers exist and stops them after the last.
    A server dies with that process, so that even a killed run leaves none behind.
    """
    name = os.environ.setdefault("REWIRE_TEST_DATABASE", f"test_rewire_{os.getpid()}")
    connection.settings_dict["TEST"]["NAME"] = name
    if _is_worker(config):
        return
    settings.HOME.make()
    if settings.EMBEDDED_DATABASE:
        servers.append(start_postgres(settings.HOME, safe=False))
    if settings.EMBEDDED_BROKER:
        servers.append(start_valkey(settings.HOME, safe=False))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _is_worker(config):
        return
    while servers:
        servers.pop().stop()
    if settings.HOME.path.name.startswith("rewire-test-"):
        shutil.rmtree(settings.HOME.path)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# Where tests stand -> what they share: a demo, or a database by the name that a page gives it.
# The storm is an installation of its own, and two at once are too much for two cores.
TOGETHER = {
    "tests/acceptance/": "installation",
    "tests/chaos/": "installation",
    "tests/orchestrator/test_backup.py": "backup",
}


class Scheduling(LoadScopeScheduling):
    """One test after the other to each worker, but those that share something to one.

    (xdist's own groups do nothing under pytest 9.2.)
    """

    def _split_scope(self, nodeid: str) -> str:
        shared = (what for place, what in TOGETHER.items() if nodeid.startswith(place))
        return next(shared, nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that takes a page is a browser test, without saying so twice."""
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def nobodys_choice() -> None:
    """The language and zone that a page was asked for in one test say nothing of the next."""
    translation.deactivate()
    timezone.deactivate()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Absent, its tests are skipped, or fail under REQUIRE_BROWSER=1."""
    if not CHROMIUM.exists():
        reason = f"Browser tests need {CHROMIUM}: apt-get install chromium."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Playwright's loop runs in this thread, where Django would refuse the database.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def troubles() -> list[str]:
    """What the page complained of; a test that provokes an error clears it."""
    return []


@pytest.fixture
def page(browser: Browser, live_server: LiveServer, troubles: list[str]) -> Iterator[Page]:
    """A new page on the live server. Any console error fails the test: a breach of the
    content security policy is one."""

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            troubles.append(f"{message.text} {message.location}")

    with browser.new_context(base_url=live_server.url) as context:
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", listen)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        yield page
    assert troubles == []


@pytest.fixture
def sign_in(page: Page, live_server: LiveServer) -> Callable[[User], None]:
    """Sign the page in as a person, without the form."""

    def sign_in(user: User) -> None:
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]

    return sign_in
