"""Where the images are, and the addresses that cases name them by."""

from __future__ import annotations

import re
from pathlib import Path

from integrations.demo.digits import STORE

COUNT = 1497
ADDRESS = "/demo/digits/{number}.png"
ADDRESSED = re.compile(r"/demo/digits/([1-9][0-9]{0,3})\.png")


def key(number: int) -> str:
    """The key of the case that brings an image. Numbers go from 1 to ``COUNT``."""
    return f"D-{number:04d}"


def path(number: int) -> Path:
    return STORE.folder / f"{number}.png"


def named(address: str) -> Path | None:
    """The file behind an address of this demo, None for any other address."""
    match = ADDRESSED.fullmatch(address)
    return path(int(match.group(1))) if match else None
