"""The outside world: it does what it is told once for each idempotency key, and keeps count."""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Lock
from typing import Any

from tests.installed import served

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

    def answer(handler: BaseHTTPRequestHandler) -> tuple[int, bytes]:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        key = handler.headers.get("Idempotency-Key", "")
        return 200, json.dumps(world.take(handler.path, body["number"], key)).encode()

    with served(answer) as world.url:
        yield world
