from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from pytest_django import Settings

from integrations.demo import feedback, ledger, loading, people
from integrations.demo.feedback import package
from integrations.demo.management.commands.demo import publish
from integrations.demo.refunds import generator
from orchestrator import engine
from orchestrator.models import Connection, Workflow
from tests.readers import train

REFUNDS, LARGE = 60, range(171, 310)
"""The first ones, and of some later ones those that ask for more than 500."""


@pytest.fixture(scope="session")
def trained() -> None:
    """The readers, trained once for the run; that of feedback where its texts can be had."""
    train()


@pytest.fixture(scope="session")
def fetched(trained: None) -> None:
    """The texts of customer feedback and their reader."""
    if not feedback.STORE.trained:
        pytest.skip(f"The package index does not give {package.REQUIREMENT}.")


@pytest.fixture
def ledger_url(tmp_path: Path) -> Iterator[str]:
    """A ledger on a free port of the loopback, with an empty file."""
    with ledger.server(tmp_path / "ledger.sqlite3", 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.fixture
def installed(settings: Settings) -> None:
    """The app as REWIRE_APPS installs it. What its ``ready`` sets is put back with the rest."""
    settings.LOGIN_URL, settings.ACCOUNT_LOGOUT_REDIRECT_URL = "", ""
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "integrations.demo"]
    settings.ROOT_URLCONF = "tests.integrations.demo.urls"


@pytest.fixture
def refunds(
    installed: None, trained: None, ledger_url: str, settings: Settings, db: None
) -> Workflow:
    """People, and refunds that the real reader has read."""
    settings.REWIRE_PYTHON_CALLABLES = ["integrations.demo."]
    settings.REWIRE_HTTP_ALLOWED_HOSTS = ["127.0.0.1"]
    people.ensure()
    publish("refunds")
    Connection.objects.filter(name="ledger").update(settings={"url": ledger_url})
    place = Workflow.objects.get(slug="refunds")
    requests = list(generator.arriving(LARGE.stop))
    large = [r for r in requests[LARGE.start :] if r.truth["amount"] > 500]
    sent = [{"key": r.key, "data": r.data} for r in (*requests[:REFUNDS], *large)]
    engine.start_cases(place, actor=loading.sender(place), cases=sent)
    while engine.work_until_idle():
        pass
    return Workflow.objects.get(pk=place.pk)
