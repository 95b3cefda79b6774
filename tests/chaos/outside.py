"""The outside world: it does what it is told once for each idempotency key, and keeps count."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

# Long enough that what calls is often killed in between.
SECONDS_FOR_A_CALL = 0.15


class Outside:
    """``keys``: for each path and case number, how often each key came."""

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[tuple[str, int], Counter[str]] = defaultdict(Counter)
        self._lock = Lock()

    def take(self, path: str, number: int, key: str) -> dict[str, Any]:
        time.sleep(SECONDS_FOR_A_CALL)
        with self._lock:
            self.keys[path, number][key] += 1
        return {"receipt": key}

    def repeated(self) -> int:
        """How many calls came again under a key that was there."""
        return sum(sum(keys.values()) - len(keys) for keys in self.keys.values())

    def doubled(self, paths: set[str]) -> list[tuple[str, int]]:
        """Effects that were asked for under more than one key."""
        return [at for at, keys in self.keys.items() if at[0] in paths and len(keys) != 1]


@contextmanager
def outside() -> Iterator[Outside]:
    world = Outside()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            key = self.headers.get("Idempotency-Key", "")
            answer = json.dumps(world.take(self.path, body["number"], key)).encode()
            with suppress(OSError):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        world.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield world
        server.shutdown()
        thread.join()
