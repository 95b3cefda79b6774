"""The load: a process of its own that reads one job as JSON and prints what it measured.

Every job is bounded in time or in number.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any, Final

from tests.bench.client import Client

LUNCH: Final = {"merchant": "Kantine", "amount": 42.5, "category": "food"}
TEXT: Final = "Kantine am Markt, Menu 2, 42.50 EUR, bar bezahlt. " * 4

Act = Callable[[Client, int], Iterator[tuple[str, float]]]


def together(job: dict[str, Any], act: Act) -> dict[str, Any]:
    """Have one thread per key act again and again until the time is up.

    ``act`` yields what it did and how many seconds that took.
    """
    took: dict[str, list[float]] = {}
    gate, end = threading.Barrier(len(job["keys"]) + 1), [0.0]

    def run(number: int, key: str) -> None:
        client = Client(job["port"], {"Authorization": f"Bearer {key}"})
        gate.wait()
        for turn in itertools.count(number, len(job["keys"])):
            for name, seconds in act(client, turn):
                took.setdefault(name, []).append(seconds)
            if time.perf_counter() > end[0]:
                return

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(job["keys"])]
    for thread in threads:
        thread.start()
    end[0] = time.perf_counter() + job["seconds"]
    started = time.perf_counter()
    gate.wait()
    for thread in threads:
        thread.join()
    return _told(took, time.perf_counter() - started)


def _told(took: dict[str, list[float]], seconds: float) -> dict[str, Any]:
    found: dict[str, Any] = {"seconds": seconds}
    for name, times in took.items():
        times.sort()
        found[name] = {
            "count": len(times),
            "p50": 1000 * times[len(times) // 2],
            "p95": 1000 * times[len(times) * 95 // 100],
        }
    return found


def timed(name: str, call: Callable[[], tuple[int, bytes]]) -> tuple[tuple[str, float], bytes]:
    """Run one call; an answer that is no success ends the job."""
    start = time.perf_counter()
    status, body = call()
    if status not in (200, 201):
        raise SystemExit(f"{name} was answered {status}: {body[:500]!r}")
    return (name, time.perf_counter() - start), body


def reviews(job: dict[str, Any]) -> dict[str, Any]:
    """Claim the next task and approve it."""
    asked = json.dumps({"workflow": "expenses", "order": job["order"]}).encode()

    def act(client: Client, turn: int) -> Iterator[tuple[str, float]]:
        claimed, body = timed("claim", lambda: client.post("/api/v1/review/claim", asked))
        yield claimed
        task = json.loads(body)
        said = {
            "decision": "approved",
            "claim_token": task["claim"]["token"],
            "digest": task["digest"],
        }
        path = f"/api/v1/review/tasks/{task['id']}/decision"
        yield timed("decide", lambda: client.post(path, json.dumps(said).encode()))[0]

    return together(job, act)


def intake(job: dict[str, Any]) -> dict[str, Any]:
    """Bring cases, ``batch`` at a time where that is not 0."""

    def case(name: str) -> dict[str, Any]:
        output = {"value": LUNCH, "confidence": 0.5, "model": "reader-1"}
        found = {"key": f"{job['name']}-{name}", "data": {"text": TEXT}}
        return found | ({"output": output} if job["output"] else {})

    def act(client: Client, turn: int) -> Iterator[tuple[str, float]]:
        body: Any = case(str(turn))
        if job["batch"]:
            body = {"cases": [case(f"{turn}-{number}") for number in range(job["batch"])]}
        yield timed("send", lambda: client.post(job["path"], json.dumps(body).encode()))[0]

    return together(job, act)


def pages(job: dict[str, Any]) -> dict[str, Any]:
    """Look at one page ``count`` times, one after the other."""
    client = Client(job["port"], {"Cookie": job["cookie"], "Accept": "text/html"})
    took = [timed("page", lambda: client.get(job["path"]))[0][1] for _ in range(job["count"])]
    return _told({"page": took[5:]}, sum(took))


def download(job: dict[str, Any]) -> dict[str, Any]:
    """Read a stream to its end; ``rows`` are its lines."""
    start = time.perf_counter()
    connection = HTTPConnection("127.0.0.1", job["port"], timeout=60)
    connection.request("GET", job["path"], headers={"Authorization": f"Bearer {job['keys'][0]}"})
    response = connection.getresponse()
    if response.status != 200:
        raise SystemExit(f"The stream was answered {response.status}: {response.read(500)!r}")
    rows = size = 0
    while chunk := response.read1(1 << 16):
        rows, size = rows + chunk.count(b"\n"), size + len(chunk)
    return {"rows": rows, "bytes": size, "seconds": time.perf_counter() - start}


KINDS: Final = {"reviews": reviews, "intake": intake, "pages": pages, "download": download}

if __name__ == "__main__":
    told = json.load(sys.stdin)
    print(json.dumps(KINDS[told["kind"]](told)))
