"""A small system of record: an HTTP ledger of refunds that writes once per key.

    POST /refunds         with Idempotency-Key; 201 and the entry, the same again for the same
                          key and body, 422 for the same key with another body
    GET  /refunds         {"items": [...], "count": n}, newest first; ?limit= up to 1000
    GET  /refunds/<key>   the entry of a key, or 404
    GET  /healthz         {"status": "ok"}

Standard library only, a process of its own with a database file of its own: it knows
nothing of Rewire, like any system that others run. It listens on the loopback only.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

LARGEST_BODY = 64 * 1024
LARGEST_AMOUNT = Decimal(1_000_000)

TABLE = """
CREATE TABLE IF NOT EXISTS refund (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    digest TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT
"""


class RejectedError(Exception):
    """A request that the ledger refuses: its HTTP status and the reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Ledger:
    """The entries in one SQLite file. Safe for many threads and processes."""

    file: Path

    def connect(self) -> closing[sqlite3.Connection]:
        """A connection of its own for each request, every write durable before the answer."""
        connection = sqlite3.connect(self.file, timeout=10, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return closing(connection)

    def create(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.connect() as connection:
            connection.execute(TABLE)

    def write(self, key: str, body: Mapping[str, Any]) -> tuple[str, bool]:
        """The entry of the key and whether it is new. Raises RejectedError."""
        answer = json.dumps(entry(key, body))
        digest = sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
        with self.connect() as connection:
            # Two equal requests may race: one inserts, both read what stands there.
            new = connection.execute(
                "INSERT INTO refund (key, digest, answer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (key, digest, answer),
            ).rowcount
            found = "SELECT digest, answer FROM refund WHERE key = ?"
            stood, answer = connection.execute(found, (key,)).fetchone()
        if stood != digest:
            raise RejectedError(422, "This Idempotency-Key was used with another body.")
        return answer, bool(new)

    def read(self, key: str) -> str:
        """The entry of a key. Raises RejectedError."""
        with self.connect() as connection:
            found = "SELECT answer FROM refund WHERE key = ?"
            row = connection.execute(found, (key,)).fetchone()
        if row is None:
            raise RejectedError(404, "No refund has this key.")
        return str(row[0])

    def newest(self, limit: int) -> str:
        with self.connect() as connection:
            (count,) = connection.execute("SELECT count(*) FROM refund").fetchone()
            found = "SELECT answer FROM refund ORDER BY id DESC LIMIT ?"
            rows = connection.execute(found, (limit,)).fetchall()
        return f'{{"items": [{", ".join(answer for (answer,) in rows)}], "count": {count}}}'


def entry(key: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """The entry that a body asks for. Raises RejectedError when it is not one."""
    amount, currency, orders = body.get("amount"), body.get("currency"), body.get("orders")
    if not isinstance(amount, int | Decimal) or isinstance(amount, bool):
        raise RejectedError(422, "amount must be a number.")
    if not 0 < amount <= LARGEST_AMOUNT or Decimal(amount) != round(Decimal(amount), 2):
        raise RejectedError(
            422, f"amount must be above 0, at most {LARGEST_AMOUNT}, in whole cents."
        )
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
        raise RejectedError(422, "currency must be three capital letters.")
    if not isinstance(orders, list) or not orders:
        raise RejectedError(422, "orders must name at least one order.")
    return {
        "refund": "R-" + sha256(key.encode()).hexdigest()[:10],
        "key": key,
        "amount": float(amount),
        "currency": currency,
        "orders": [str(order.get("order_id")) for order in orders if isinstance(order, dict)],
        "booked_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


class Handler(BaseHTTPRequestHandler):
    """One connection. ``ledger`` is set by ``server``."""

    protocol_version = "HTTP/1.1"
    server_version = "ledger/1"
    sys_version = ""
    timeout = 30
    ledger: ClassVar[Ledger]

    def do_GET(self) -> None:
        self.respond(self.get)

    def do_POST(self) -> None:
        self.respond(self.post)

    def respond(self, handle: Any) -> None:
        try:
            status, body = handle()
        except RejectedError as rejected:
            status, body = rejected.status, json.dumps({"error": str(rejected)})
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def get(self) -> tuple[int, str]:
        address = urlsplit(self.path)
        if address.path == "/healthz":
            return 200, '{"status": "ok"}'
        if address.path == "/refunds":
            return 200, self.ledger.newest(limit(address.query))
        if address.path.startswith("/refunds/"):
            return 200, self.ledger.read(unquote(address.path.removeprefix("/refunds/")))
        raise RejectedError(404, "There is nothing here.")

    def post(self) -> tuple[int, str]:
        body = self.body()
        if urlsplit(self.path).path != "/refunds":
            raise RejectedError(404, "There is nothing here.")
        key = self.headers.get("Idempotency-Key", "")
        if not 0 < len(key) <= 255:
            raise RejectedError(400, "A refund needs an Idempotency-Key of 1 to 255 characters.")
        answer, new = self.ledger.write(key, body)
        self.log_message("%s %s", "wrote" if new else "had", key)
        return 201, answer

    def body(self) -> dict[str, Any]:
        """The JSON object that was sent, read whole so that the connection can go on."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            raise RejectedError(413, f"Send a Content-Length of at most {LARGEST_BODY}.")
        try:
            body = json.loads(self.rfile.read(int(length)), parse_float=Decimal)
        except (ValueError, RecursionError) as error:
            raise RejectedError(400, "The body is not JSON.") from error
        if not isinstance(body, dict):
            raise RejectedError(422, "The body must be an object.")
        return body


def limit(query: str) -> int:
    """The ``limit`` of a query string, 100 when absent. Raises RejectedError."""
    written = parse_qs(query).get("limit", ["100"])[0]
    if not written.isdecimal() or not 0 < int(written) <= 1000:
        raise RejectedError(400, "limit must be from 1 to 1000.")
    return int(written)


def server(file: Path, port: int) -> ThreadingHTTPServer:
    """A server on the loopback, not yet serving. Port 0 takes any. Raises OSError if taken."""
    ledger = Ledger(file)
    ledger.create()
    handler = type("LedgerHandler", (Handler,), {"ledger": ledger})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> None:
    parser = argparse.ArgumentParser(description="The demo's ledger of refunds.")
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    with server(options.file, options.port) as ledger, suppress(KeyboardInterrupt):
        ledger.serve_forever()


if __name__ == "__main__":
    main()
