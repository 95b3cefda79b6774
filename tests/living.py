"""Which processes of a state folder live, from Linux's /proc."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.processes.state import Home


def alive(home: Home) -> list[bytes]:
    """Command lines of all living processes that name the state folder or were given it."""
    mark = os.fsencode(home.path)
    return [line for line in map(_about, Path("/proc").glob("[0-9]*")) if mark in line]


def _about(process: Path) -> bytes:
    try:
        if (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z":
            return b""
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    except OSError:
        return b""
