"""What processes use, read from /proc: CPU seconds and resident memory of whole trees."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TICK: Final = os.sysconf("SC_CLK_TCK")
PAGE: Final = os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none where the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def tree(root: int) -> list[int]:
    """The process and all that it started."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _fields(int(entry.name))):
            parents[int(entry.name)] = int(fields[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu_seconds(root: int) -> float:
    """User and system time of a tree, children that ended included."""
    rows = [_fields(pid) for pid in tree(root)]
    return sum(sum(map(int, row[11:15])) for row in rows if row) / TICK


def resident(root: int) -> float:
    """MiB of a tree; pages that its processes share count once for each."""
    rows = [_fields(pid) for pid in tree(root)]
    return sum(int(row[21]) for row in rows if row) * PAGE


@contextmanager
def growth(root: int) -> Iterator[list[float]]:
    """Yields a list whose one number is by how many MiB the tree grew at most meanwhile."""
    before, most = resident(root), [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.05):
            most[0] = max(most[0], resident(root) - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield most
    finally:
        done.set()
        thread.join()


@contextmanager
def used(*roots: int) -> Iterator[list[float]]:
    """Yields a list that holds, afterwards, the CPU seconds of each tree meanwhile."""
    before = [cpu_seconds(root) for root in roots]
    spent: list[float] = []
    yield spent
    spent += [cpu_seconds(root) - earlier for root, earlier in zip(roots, before, strict=True)]
