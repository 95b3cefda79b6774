"""The connector in the README works as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_httpserver import HTTPServer

from orchestrator.connectors import TransientError, connector_class, connector_kinds
from tests.integrations.conftest import a_call

README = (Path(settings.BASE_DIR) / "integrations" / "README.md").read_text()


@pytest.fixture
def chat() -> Any:
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {"__name__": "chat"}
    exec(code, names)  # noqa: S102
    return names["Chat"]


def test_it_is_twenty_lines(chat: Any) -> None:
    (code,) = re.findall(r"class Chat.*?```", README, re.DOTALL)

    assert len([line for line in code.splitlines()[:-1] if line]) <= 20


def test_it_sends_a_message(chat: Any, httpserver: HTTPServer, open_loopback: None) -> None:
    httpserver.expect_request("/room").respond_with_data("ok")
    connector = chat({"room": httpserver.url_for("/room")}, "t0ken")

    result = connector.call(a_call({"text": "A refund waits."}))

    ((request, _),) = httpserver.log
    assert result.output == {"text": "A refund waits."}
    assert request.get_json() == {"text": "A refund waits."}
    assert request.headers["Idempotency-Key"] == "task-41"
    assert connector.check().ok


def test_its_failures_are_the_engine_s_words(
    chat: Any, httpserver: HTTPServer, open_loopback: None
) -> None:
    httpserver.expect_request("/room").respond_with_data(status=503)

    with pytest.raises(TransientError):
        chat({"room": httpserver.url_for("/room")}, "").call(a_call({"text": "x"}))


def test_it_plugs_in_from_a_folder_of_its_own(tmp_path: Path) -> None:
    how_to = (Path(settings.BASE_DIR) / "docs/how-to/write-a-connector.md").read_text()
    (named,) = re.findall(r"export (REWIRE_CONNECTORS)=(\S+)", how_to)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    (tmp_path / "shop/chat.py").write_text(code)
    places = {"PYTHONPATH": str(tmp_path), "REWIRE_HOME": str(tmp_path / "home")}

    checked = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"]} | places | dict([named]),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
    assert "no issues" in checked.stdout


def test_every_kind_and_every_setting_is_named() -> None:
    for kind in connector_kinds():
        (row,) = re.findall(rf"^\| `{kind}` .*$", README, re.MULTILINE)
        for name in connector_class(kind).settings_schema["properties"]:
            assert f"`{name}`" in row
