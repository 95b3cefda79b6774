"""8 by 8 pixels of handwriting: enlarged for people, and read back by the agent."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

SIDE, SCALE = 8, 16


def enlarge(grid: Any) -> Image.Image:
    """An 8 by 8 array of ink from 0 to 16 -> an image of 128 by 128, black on white."""
    paper = np.round(255 - np.asarray(grid) * 255 / 16).astype(np.uint8)
    side = SIDE * SCALE
    return Image.fromarray(paper).resize((side, side), Image.Resampling.BICUBIC)


def ink(image: Image.Image) -> Any:
    """64 numbers from 0 to 1: the mean ink of each field of the image's 8 by 8 grid."""
    small = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    return 1 - np.asarray(small, dtype=float).ravel() / 255
