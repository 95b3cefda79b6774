"""The digit reader: a classifier trained on 300 images, its probabilities as confidence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from integrations.demo.digits import STORE, images
from orchestrator.connectors import PermanentError, Result


def read(case: Mapping[str, Any]) -> Result:
    """Read ``{"image": address}``. Raises PermanentError for an image that is not ours."""
    started = perf_counter()
    digit, confidence = recognise(str(case.get("image", "")))
    return Result(
        output={"digit": digit},
        confidence=confidence,
        field_confidence={"/digit": confidence},
        model=STORE.reader,
        latency_ms=round((perf_counter() - started) * 1000),
    )


def recognise(address: str) -> tuple[int, float]:
    """The likeliest digit of an image and its probability."""
    file = images.named(address)
    if file is None or not file.exists():
        raise PermanentError(f"There is no image {address!r}.")
    chances = model().predict_proba([look(file)])[0]
    digit = int(chances.argmax())
    return digit, round(float(chances[digit]), 4)


def look(file: Path) -> Any:
    """The ink of an image file."""
    # Web processes import this module to test the connection, and never numpy.
    from PIL import Image  # noqa: PLC0415

    from integrations.demo.digits import pixels  # noqa: PLC0415

    with Image.open(file) as image:
        return pixels.ink(image)


@cache
def model() -> Any:
    """The trained classifier, loaded once per process. Its classes are 0 to 9 in order."""
    return STORE.load()["digit"]
