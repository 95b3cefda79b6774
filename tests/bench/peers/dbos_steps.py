"""Workflows of ten steps in DBOS, as fast as one process can, when told to.

dbos_steps.py DATABASE_URL WORKFLOWS THREADS: says ready, waits for a line, prints how many steps it
has made. Runs in an environment of its own, without the project.
"""

from __future__ import annotations

import logging
import sys
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

STEPS = 10


def _step(number: int) -> dict[str, bool]:
    return {"done": True}


def _workflow() -> int:
    return sum(step(number)["done"] for number in range(STEPS))


def main(url: str, count: str, threads: str) -> None:
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})
    DBOS.launch()
    logging.disable(logging.WARNING)
    workflow()
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(int(threads)) as pool:
        done = sum(pool.map(lambda _: workflow(), range(int(count))))
    print(done, flush=True)
    DBOS.destroy()


step = DBOS.step()(_step)
workflow = DBOS.workflow()(_workflow)

if __name__ == "__main__":
    main(*sys.argv[1:])
