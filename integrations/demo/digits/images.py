"""The images: 8 by 8 pixels of handwriting, enlarged for people and read back by the agent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from integrations.demo.digits import STORE

SIDE, SCALE = 8, 16
ADDRESS = "/demo/digits/{number}.png"
ADDRESSED = re.compile(r"/demo/digits/([1-9][0-9]{0,3})\.png")


def path(number: int) -> Path:
    return STORE.folder / f"{number}.png"


def named(address: str) -> Path | None:
    """The file behind an address of this demo, None for any other address."""
    match = ADDRESSED.fullmatch(address)
    return path(int(match.group(1))) if match else None


def enlarge(grid: Any) -> Any:
    """An 8 by 8 array of ink from 0 to 16 -> a PIL image of 128 by 128, black on white."""
    import numpy
    from PIL import Image

    paper = numpy.round(255 - numpy.asarray(grid) * 255 / 16).astype(numpy.uint8)
    side = SIDE * SCALE
    return Image.fromarray(paper).resize((side, side), Image.Resampling.BICUBIC)


def ink(image: Any) -> Any:
    """A PIL image -> 64 numbers from 0 to 1, the mean ink of each field of its 8 by 8 grid."""
    import numpy
    from PIL import Image

    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return 1 - numpy.asarray(small, dtype=float).ravel() / 255
