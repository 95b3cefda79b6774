"""What the API sends: JSON of plain values, written in one pass, and where lists go on."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from django.http import HttpResponse

from orchestrator.exceptions import Invalid

MOST: Final = 1000
_HEADERS: Final = {"Cache-Control": "no-store"}


def dumps(value: Any) -> bytes:
    """JSON of ``value``: times as RFC 3339 in UTC with Z, UUIDs as text."""
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def answer(value: Any, status: int = 200) -> HttpResponse:
    """A response with ``value`` as JSON. No cache keeps it."""
    return sent(dumps(value), status)


def sent(body: bytes | str, status: int) -> HttpResponse:
    """A response whose JSON is written already; none at all where ``body`` is empty."""
    response = HttpResponse(body, status=status, content_type="application/json", headers=_HEADERS)
    if not body:
        del response["Content-Type"]
    return response


def nothing() -> HttpResponse:
    """204: there is nothing, and that is no mistake."""
    return sent(b"", 204)


def page(items: Sequence[Any], cursor: Sequence[Any] | None) -> HttpResponse:
    """A list and the cursor of its next page, null at the end."""
    return answer({"items": items, "cursor": None if cursor is None else cursor_of(cursor)})


def cursor_of(place: Sequence[Any]) -> str:
    """The place of a row in its list, as one opaque word."""
    return urlsafe_b64encode(dumps(place)).rstrip(b"=").decode()


def place_of(cursor: str, *kinds: type) -> list[Any]:
    """What ``cursor_of`` was given; ``kinds`` are int, float, str or datetime. Raises Invalid."""
    try:
        place = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_part(part, kind) for part, kind in zip(place, kinds, strict=True)]
    except (ValueError, TypeError, OverflowError):
        message = "This is no cursor of this list."
        raise Invalid(problems=[{"path": "/cursor", "message": message}]) from None


def _part(part: Any, kind: type) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(part).astimezone(UTC)
    if type(part) is not kind:
        raise TypeError(part)
    return part
