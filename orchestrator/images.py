"""Which addresses in a case a browser may be asked to show: nothing is fetched from elsewhere.

An image is a file of this site or stands in the case itself. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

# No query and no dots beside the last: an address that changes something is no image.
LOCAL: Final = re.compile(r"/(?:[\w-]+/)*[\w-]+\.(?:png|jpe?g|gif|webp)", re.ASCII)
INLINE: Final = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})")
MAGIC: Final = {
    "png": (b"\x89PNG\r\n\x1a\n",),
    "jpeg": (b"\xff\xd8\xff",),
    "gif": (b"GIF87a", b"GIF89a"),
    "webp": (b"RIFF",),
}


def is_image(address: str) -> bool:
    """Whether a browser may be asked to show this address as an image."""
    if LOCAL.fullmatch(address):
        return True
    match = INLINE.fullmatch(address)
    return match is not None and _starts_like(match[1], match[2])


def _starts_like(kind: str, body: str) -> bool:
    try:
        start = base64.b64decode(body[:32], validate=True)
    except binascii.Error:
        return False
    return start.startswith(MAGIC[kind])
