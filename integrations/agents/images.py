"""Images in a step's input, taken out of its JSON so that a model sees them as images."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

IMAGE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Image:
    """``data`` is base64."""

    media_type: str
    data: str

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.data}"


def take_images(value: Any) -> tuple[Any, list[Image]]:
    """``value`` with each ``data:`` URL of an image replaced by ``[image 1]`` and so on."""
    images: list[Image] = []
    return _without(value, images), images


def _without(value: Any, images: list[Image]) -> Any:
    if isinstance(value, dict):
        return {name: _without(member, images) for name, member in value.items()}
    if isinstance(value, list):
        return [_without(item, images) for item in value]
    if isinstance(value, str) and (found := IMAGE.fullmatch(value)):
        images.append(Image(found[1], found[2]))
        return f"[image {len(images)}]"
    return value
