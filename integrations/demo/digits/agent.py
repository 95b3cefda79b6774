"""The digit reader: a classifier trained on 300 images, its probabilities as confidence."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from time import perf_counter
from typing import Any

from integrations.demo.digits import STORE, images
from orchestrator.connectors import PermanentError, Result


def read(input: Mapping[str, Any]) -> Result:
    """Read ``{"image": address}``. Raises PermanentError for an image that is not ours."""
    started = perf_counter()
    digit, confidence = recognise(str(input.get("image", "")))
    return Result(
        output={"digit": digit},
        confidence=confidence,
        field_confidence={"/digit": confidence},
        model=STORE.reader,
        latency_ms=round((perf_counter() - started) * 1000),
    )


def recognise(address: str) -> tuple[int, float]:
    """The likeliest digit of an image and its probability."""
    from PIL import Image

    file = images.named(address)
    if file is None or not file.exists():
        raise PermanentError(f"There is no image {address!r}.")
    with Image.open(file) as image:
        chances = model().predict_proba([images.ink(image)])[0]
    digit = int(chances.argmax())
    return digit, round(float(chances[digit]), 4)


@cache
def model() -> Any:
    """The trained classifier, loaded once per process. Its classes are 0 to 9 in order."""
    return STORE.load()["digit"]
