"""What the bytes of a file are, by what they begin with. Pure; nothing is decoded."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import Final

MOST_PIXELS: Final = 40_000_000
"""A browser takes four bytes for each: a small file could claim gigabytes."""

UNKNOWN: Final = "application/octet-stream"
NO_TEXT: Final = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
JPEG_SIZES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Raster:
    """An image that browsers draw and that can hold no script. Sizes are pixels."""

    media_type: str
    width: int
    height: int

    @property
    def is_drawable(self) -> bool:
        return 0 < self.width * self.height <= MOST_PIXELS


def media_type_of(content: bytes) -> str:
    """One of a closed list; what the list does not have is ``application/octet-stream``."""
    if raster := raster_of(content):
        return raster.media_type
    if content.startswith(b"%PDF-"):
        return "application/pdf"
    return "text/plain" if _is_text(content) else UNKNOWN


def _is_text(content: bytes) -> bool:
    try:
        return NO_TEXT.search(content.decode()) is None
    except UnicodeDecodeError:
        return False


def raster_of(content: bytes) -> Raster | None:
    """The image that these bytes are, if they are a PNG, JPEG, GIF or WebP with a size."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
            return Raster("image/png", *struct.unpack_from(">II", content, 16))
        if content.startswith((b"GIF87a", b"GIF89a")):
            return Raster("image/gif", *struct.unpack_from("<HH", content, 6))
        if content.startswith(b"\xff\xd8\xff"):
            return _jpeg(content)
        if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
            return _webp(content)
    except (struct.error, IndexError):
        pass
    return None


def _jpeg(content: bytes) -> Raster | None:
    """The size stands in the first frame header; each segment before it tells its length."""
    place = 2
    while content[place] == 0xFF:
        kind = content[place + 1]
        if kind in JPEG_SIZES:
            height, width = struct.unpack_from(">HH", content, place + 5)
            return Raster("image/jpeg", width, height)
        place += 2 + struct.unpack_from(">H", content, place + 2)[0] if kind != 0xFF else 1
    return None


def _webp(content: bytes) -> Raster | None:
    chunk = content[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
        return Raster("image/webp", width + 1, height + 1)
    if chunk == b"VP8L" and content[20] == 0x2F:
        bits = struct.unpack_from("<I", content, 21)[0]
        return Raster("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", content, 26)
        return Raster("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None
