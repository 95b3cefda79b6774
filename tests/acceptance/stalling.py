"""A ledger behind a line that breaks: the first answer never comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event

import httpx2

from tests.installed import served

PAYMENTS = """
workflow: payments
name: Payments
owner: alice
groups: [Finance]
connections:
  far-ledger: {kind: http, settings: {url: "{url}"}}
actors:
  far-ledger: {kind: system, revision: "1", connection: far-ledger}
accountable: alice
data: {type: object}
steps:
  - key: pay
    name: Pay
    kind: system
    actor: far-ledger
    call: {method: POST, path: /refunds}
    schema: {type: object, required: [refund], properties: {refund: {type: string}}}
    output: {/booking: /refund}
    effect: idempotent
    timeout: 3s
  - {key: paid, name: Paid, kind: end, outcome: paid}
transitions:
  - {from: pay, to: paid}
"""


class Line:
    """Forwards to the ledger at ``target``; ``keys`` are the idempotency keys that came by."""

    def __init__(self) -> None:
        self.target = self.url = ""
        self.keys: list[str] = []
        self.ports: list[int] = []
        self.stuck, self.over = Event(), Event()

    def forward(self, handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        key = handler.headers["Idempotency-Key"]
        self.keys.append(key)
        self.ports.append(handler.client_address[1])
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        answer = httpx2.post(f"{self.target}/refunds", content=body, headers=headers)
        if len(self.keys) == 1:
            # The refund is written; whoever asked for it will not live to hear of it.
            self.stuck.set()
            self.over.wait(60)
        return 201, answer.content


@contextmanager
def stalling_line() -> Iterator[Line]:
    line = Line()
    with served(line.forward) as line.url:
        yield line
        line.over.set()


def pid_behind(port: int) -> int:
    """The process on this machine that connects from a port of the loopback."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inode = next(line[9] for line in lines if line[1].endswith(f":{port:04X}"))
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            if str(descriptor.readlink()) == f"socket:[{inode}]":
                return int(descriptor.parts[2])
    raise LookupError(f"nobody connects from port {port}")
