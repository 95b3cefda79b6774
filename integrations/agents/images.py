"""Images in a step's input, taken out of its JSON so that a model sees them as images."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from orchestrator.connectors import PermanentError, Picture, no_pictures

MOST_BYTES: Final = 20 << 20
"""Of all images of a case that one question shows a model."""

IMAGE = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,([A-Za-z0-9+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class Image:
    """``data`` is base64."""

    media_type: str
    data: str

    @property
    def url(self) -> str:
        return f"data:{self.media_type};base64,{self.data}"


class Album:
    """The images found so far; ``picture`` gives those that the case keeps as attachments."""

    def __init__(self, picture: Callable[[Any], Picture | None]) -> None:
        self.images: list[Image] = []
        self._picture, self._left = picture, MOST_BYTES

    def without(self, value: Any) -> Any:
        """``value`` with ``[image 1]`` and so on in the places of its images."""
        if isinstance(value, dict):
            kept = self._picture(value)
            return self._put(self._read(kept)) if kept else self._members(value)
        if isinstance(value, list):
            return [self.without(item) for item in value]
        if isinstance(value, str) and (found := IMAGE.fullmatch(value)):
            return self._put(Image(found[1], found[2]))
        return value

    def _members(self, value: dict[str, Any]) -> dict[str, Any]:
        return {name: self.without(member) for name, member in value.items()}

    def _read(self, kept: Picture) -> Image:
        self._left -= len(kept.content)
        if self._left < 0:
            raise PermanentError(
                f"The images of this case have more than {MOST_BYTES >> 20} MiB, "
                "the most that a model is shown."
            )
        return Image(kept.media_type, b64encode(kept.content).decode())

    def _put(self, image: Image) -> str:
        self.images.append(image)
        return f"[image {len(self.images)}]"


def take_images(
    value: Any, picture: Callable[[Any], Picture | None] = no_pictures
) -> tuple[Any, list[Image]]:
    """``value`` with each ``data:`` URL of an image, and each reference to an image of the
    case, replaced by ``[image 1]`` and so on. Raises PermanentError where they are too large."""
    album = Album(picture)
    return album.without(value), album.images
