from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from integrations.demo import feedback, ledger
from integrations.demo.feedback import package
from tests.readers import train


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
