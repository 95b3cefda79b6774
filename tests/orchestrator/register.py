"""A system of record over real HTTP: it books under keys, and can be made to stumble."""

from __future__ import annotations

import json
import re
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from orchestrator import engine
from orchestrator.models import Case, Task, Workflow
from tests import world

BOOKS = """
workflow: booking
name: Booking
owner: alice
groups: [Finance]
connections:
  books: {kind: http, settings: {url: "ADDRESS"}}
actors:
  books: {kind: system, revision: "1", connection: books}
accountable: alice
data: {type: object}
steps:
  - key: book
    name: Book it
    kind: system
    actor: books
"""
"""A workflow whose first step books, up to how."""

BOOKING = (
    BOOKS
    + """\
    call:
      method: POST
      path: /book
      verify: {path: "/bookings/{key}", found: {fact: answer/amount, op: eq, fact2: input/amount}}
    schema:
      type: object
      required: [number]
      properties: {number: {type: integer, title: Number}, amount: {type: number, title: Amount}}
    effect: EFFECT
    retry: {attempts: 3, base: 9h, cap: 9h}
    timeout: 2s
    undo: 10s
    rights:
      - {mode: auto}
      - mode: review
        group: Expense reviewers
        escalates_to: Expense leads
        on_timeout: rejected
  - {key: done, name: Done, kind: end, outcome: done}
  - {key: refused, name: Refused, kind: end, outcome: refused}
transitions:
  - {from: book, to: refused, when: {fact: decision, op: eq, value: rejected}}
  - {from: book, to: done}
"""
)


class Register:
    """What is booked, by key. ``writes`` are the keys in the order in which they came.

    ``stumbles`` are the answers to the next writes: a status, after having booked where it is
    negative. ``reading`` is the status of every read that is not 200.
    """

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("").rstrip("/")
        self.booked: dict[str, dict[str, Any]] = {}
        self.writes: list[str] = []
        self.reads = 0
        self.stumbles: list[int] = []
        self.reading = 200
        server.expect_request("/book", "POST").respond_with_handler(self._write)
        server.expect_request(_under("/bookings/"), "GET").respond_with_handler(self._read)

    def _write(self, request: Request) -> Response:
        key = request.headers["Idempotency-Key"]
        self.writes.append(key)
        stumble = self.stumbles.pop(0) if self.stumbles else 0
        if stumble <= 0:
            self.booked[key] = {"number": len(self.booked) + 1, **request.get_json()}
        if stumble:
            return Response("busy", status=abs(stumble))
        return _json(self.booked[key])

    def _read(self, request: Request) -> Response:
        self.reads += 1
        found = self.booked.get(request.path.removeprefix("/bookings/"))
        if self.reading != 200:
            return Response("no", status=self.reading)
        return Response("none", status=404) if found is None else _json(found)


def _under(prefix: str) -> Any:
    return re.compile(re.escape(prefix) + ".+")


def _json(value: Any) -> Response:
    return Response(json.dumps(value), content_type="application/json")


def booking(register: Register, effect: str, text: str = BOOKING) -> Workflow:
    return world.workflow(text, ADDRESS=register.url, EFFECT=effect)


def begun(place: Workflow, amount: float = 5) -> Case:
    data = {"amount": amount}
    return engine.start_case(place, actor=world.actor("alice"), key="k", data=data).case


def due() -> None:
    """Let the time until the next try pass."""
    Task.objects.filter(state="ready").update(run_at="2020-01-01T00:00:00Z")
