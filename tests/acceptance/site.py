"""A demo that really runs, and those who use it over HTTP: people with a session, programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg

from orchestrator.processes.child import PROJECT
from orchestrator.processes.state import Home
from tests.installed import ran

Found = TypeVar("Found")

SECONDS_TO_START = 180
APPS = {
    "REWIRE_APPS": "integrations.demo",
    "REWIRE_PYTHON_CALLABLES": "integrations.demo.",
    "REWIRE_HTTP_ALLOWED_HOSTS": "127.0.0.1",
}
OWN = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE", "REWIRE_TEST_DATABASE"}


def eventually(look: Callable[[], Found], seconds: float = 60) -> Found:
    """What ``look`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return found


class Site:
    """The process group in a state folder, started by the demo's own command."""

    def __init__(self, folder: Path, port: int) -> None:
        self.home = Home.at(folder)
        self.url = f"http://127.0.0.1:{port}"
        kept = {name: value for name, value in os.environ.items() if name not in OWN}
        self.environ = kept | APPS | {"REWIRE_HOME": str(folder), "PORT": str(port)}
        self.output = folder / "said"
        self.keys: dict[str, str] = {}
        self._programs: dict[str, httpx2.Client] = {}
        self._clients = ExitStack()

    def start(self, cases: int) -> None:
        argv = [sys.executable, "manage.py", "demo", "--cases", str(cases)]
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                argv, cwd=PROJECT, env=self.environ, stdout=output, stderr=subprocess.STDOUT
            )
        eventually(self._is_ready, SECONDS_TO_START)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.said
        return f"Ready: {self.url}" in self.said

    def stop(self) -> int:
        self._clients.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    @property
    def said(self) -> str:
        return self.output.read_text()

    def run(self, *argv: str, given: str = "") -> str:
        """A Python program beside the demo, in its state folder; it must succeed."""
        return ran(self.environ, *argv, given=given)

    @cached_property
    def passwords(self) -> dict[str, str]:
        """What the command printed: name, password and role, one a line. Carl came later."""
        lines = [line.split() for line in self.said.splitlines() if "  " in line]
        return {name: password for name, password, *_ in lines} | {"carl": "carl"}

    def browser(self, name: str) -> Browser:
        """A new session of a person, signed in by the form."""
        browser = Browser(self._clients.enter_context(httpx2.Client(base_url=self.url)))
        browser.sign_in(name, self.passwords[name])
        return browser

    def api(self, name: str) -> httpx2.Client:
        """A program with a key: somebody's own, or that of an automation."""
        if name not in self._programs:
            headers = {"Authorization": f"Bearer {self.keys[name]}"}
            client = httpx2.Client(base_url=f"{self.url}/api/v1/", headers=headers, timeout=30)
            self._programs[name] = self._clients.enter_context(client)
        return self._programs[name]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the demo's database now."""
        with psycopg.connect(host=str(self.home.run), user="rewire", dbname="rewire") as connection:
            return connection.execute(sql.encode(), values).fetchall()

    @cached_property
    def ledger_url(self) -> str:
        found = "SELECT settings->>'url' FROM orchestrator_connection WHERE name = 'ledger'"
        return str(self.rows(found)[0][0])

    def entry(self, case_id: int, step: str = "pay") -> dict[str, Any] | None:
        """What the ledger has written for a case; None while there is nothing."""
        response = httpx2.get(f"{self.ledger_url}/refunds/{case_id}:{step}::1")
        return response.json() if response.status_code == 200 else None

    def started(self, slug: str, key: str, data: Any, **output: Any) -> int:
        """The id of a new case that a program sent."""
        body = {"key": key, "data": data} | ({"output": output} if output else {})
        response = self.api("importer").post(f"workflows/{slug}/cases", json=body)
        assert response.status_code == 201, response.text
        return int(response.json()["id"])

    def case(self, case_id: int) -> dict[str, Any]:
        response = self.api("importer").get(f"cases/{case_id}")
        assert response.status_code == 200, response.text
        return dict(response.json())

    def feedback(self, slug: str, case_id: int) -> list[dict[str, Any]]:
        """What an export of the workflow says of a case."""
        answer = self.api("alice").get("feedback", params={"workflow": slug})
        lines = [json.loads(line) for line in answer.text.splitlines()]
        return [line for line in lines if line.get("case") == case_id]

    def task_in_review(self, case_id: int, step: str = "read") -> int:
        """The id of the case's task of this step, once people are asked."""

        def look() -> int:
            tasks = self.case(case_id)["tasks"]
            asked = (t["id"] for t in tasks if (t["step"], t["state"]) == (step, "in_review"))
            return next(asked, 0)

        return eventually(look)

    def outcome(self, case_id: int) -> str:
        """How the case ended, once it has."""

        def look() -> str:
            return str(
                self.rows("SELECT outcome FROM orchestrator_case WHERE id = %s", case_id)[0][0]
            )

        return eventually(look)


class Browser:
    """A person's session without JavaScript: links and plain forms."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http
        self.http.follow_redirects, self.http.timeout = True, httpx2.Timeout(30)
        self.path = self.page = ""

    def sign_in(self, name: str, password: str) -> None:
        self.open("/accounts/login/")
        self.submit("/accounts/login/", login=name, password=password)
        assert self.path == "/", self.page

    def open(self, path: str) -> httpx2.Response:
        return self._shown(self.http.get(path))

    def submit(self, action: str, **fields: str) -> httpx2.Response:
        """Send the form of the open page that goes to ``action``, with what somebody fills in.

        A button that leads elsewhere (formaction) sends the fields of its form.
        """
        address, there = Forms(self.page, self.path).form(action)
        return self._shown(self.http.post(address, data=there | fields))

    def _shown(self, response: httpx2.Response) -> httpx2.Response:
        self.page, self.path = response.text, response.url.path
        return response


class Forms(HTMLParser):
    """The forms of a page, by the addresses that they and their buttons go to."""

    def __init__(self, page: str, path: str) -> None:
        super().__init__()
        self.path = path
        self.forms: list[tuple[set[str], dict[str, list[str]]]] = []
        self._area = self._select = ""
        self._inside = False
        self.feed(page)

    def form(self, action: str) -> tuple[str, dict[str, Any]]:
        """The whole address with its query, and what stands in the fields."""
        for addresses, fields in self.forms:
            for address in addresses:
                if address.split("?")[0] == action:
                    return address, dict(fields)
        raise AssertionError(f"no form goes to {action}, only {self.forms}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = True
            self.forms.append(({given.get("action") or self.path}, {}))
        elif self._inside and "formaction" in given:
            self.forms[-1][0].add(given["formaction"])
        elif self._inside:
            self._control(tag, given)

    def _control(self, tag: str, given: dict[str, str]) -> None:
        fields, name = self.forms[-1][1], given.get("name", "")
        choice = given.get("type") in ("radio", "checkbox")
        if tag == "input" and name and (not choice or "checked" in given):
            fields.setdefault(name, []).append(given.get("value", "on" if choice else ""))
        elif tag == "textarea":
            self._area, fields[name] = name, [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and ("selected" in given or self._select not in fields):
            fields[self._select] = [given.get("value", "")]

    def handle_data(self, data: str) -> None:
        if self._area:
            self.forms[-1][1][self._area][0] += data

    def handle_endtag(self, tag: str) -> None:
        match tag:
            case "form":
                self._inside = False
            case "textarea":
                self._area = ""
            case "select":
                self._select = ""
