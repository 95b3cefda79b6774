"""JSON from outside, read strictly, and its text made safe to look at.

What ``loads`` returns can be stored as jsonb, read back and hashed without changing:
no NaN or infinity, nothing beyond 64 bits, no NUL, no lone surrogate, no key twice.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, Final, Never

import orjson

from orchestrator.exceptions import MalformedJSON, TooLarge

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_HOLDERS: Final = 100_000
_LIMIT: Final = 1 << 63
_LONGEST_INTEGER: Final = 20
_SHOWN: Final = 60
_HOLDERS: Final = (dict, list)

_TEXT: Final = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
# A text without these has no number beyond 64 bits, and is read three times as fast.
_WIDE: Final = re.compile(r"[0-9]{19}|[0-9][eE]")
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def loads(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """The value of a JSON text in UTF-8, in time linear in its length.

    Raises TooLarge, or MalformedJSON with what is wrong and where. A number keeps its
    kind: ``1`` is an int, ``1.0`` a float.
    """
    if len(body) > max_bytes:
        raise TooLarge(f"The body has {len(body):,} bytes; at most {max_bytes:,} are allowed.")
    _check_holders(body)
    text = _decode(body)
    value = _parse(text, max_depth)
    if _brackets(body) > max_depth and _is_deeper(value, max_depth):
        raise _too_deep(max_depth)
    _check_strings(text, value)
    return value


def _check_holders(body: bytes) -> None:
    """Bound the arrays and objects: making half a million costs Python 200 ms and more."""
    if _brackets(body) > MAX_HOLDERS and _brackets(_TEXT.sub(b"", body)) > MAX_HOLDERS:
        raise MalformedJSON(f"The body has more than {MAX_HOLDERS:,} arrays and objects.")


def _brackets(body: bytes) -> int:
    return body.count(b"[") + body.count(b"{")


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise MalformedJSON(f"The body is not UTF-8 text (byte {error.start}).") from error


def _parse(text: str, max_depth: int) -> Any:
    wide = _WIDE.search(text) is not None
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer if wide else None,
            parse_float=_number if wide else None,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as error:
        raise MalformedJSON(f"The body is not JSON: {error}.") from error
    except RecursionError as error:
        raise _too_deep(max_depth) from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        key = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise MalformedJSON(f"The key {_shown(key)} stands twice in one object.")
    return members


def _integer(digits: str) -> int:
    # int() is quadratic in the length of its argument, so the length comes first.
    if len(digits) > _LONGEST_INTEGER or not -_LIMIT <= (value := int(digits)) < _LIMIT:
        raise _too_wide(digits)
    return value


def _number(digits: str) -> float:
    # PostgreSQL gives 1e300 back as an integer of 301 digits, hence the same limit.
    value = float(digits)
    if not -_LIMIT <= value < _LIMIT:
        raise _too_wide(digits)
    return value


def _too_wide(digits: str) -> MalformedJSON:
    return MalformedJSON(f"The number {_shown(digits)} needs more than 64 bits; send it as text.")


def _constant(word: str) -> Never:
    raise MalformedJSON(f"{word} is not a JSON number.")


def _shown(text: str) -> str:
    cut = text[:_SHOWN] + "…" if len(text) > _SHOWN else text
    return visible(json.dumps(cut, ensure_ascii=False))


def _too_deep(max_depth: int) -> MalformedJSON:
    return MalformedJSON(f"The body is nested deeper than {max_depth} levels.")


def _is_deeper(value: Any, max_depth: int) -> bool:
    level = [value] if isinstance(value, _HOLDERS) else []
    for _ in range(max_depth):
        level = [
            item
            for holder in level
            for item in (holder.values() if isinstance(holder, dict) else holder)
            if isinstance(item, _HOLDERS)
        ]
    return bool(level)


def _check_strings(text: str, value: Any) -> None:
    if "\\u" not in text:
        return
    if "\\u0000" in text and _NUL.search(text):
        raise MalformedJSON("A text holds the character NUL, which cannot be stored.")
    try:
        orjson.dumps(value)
    except TypeError as error:
        raise MalformedJSON("A text holds half of a surrogate pair.") from error


# Characters that show nothing or reorder what is shown (Trojan Source, tag smuggling).
# One joiner or variation selector after a letter outside ASCII is ordinary writing.
HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0"
    "\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U000e0fff]"
    "|(?<![\x80-\u200b\u200e-\U0010ffff])[\u200c\u200d]"
    "|(?<![0-9#*\x80-\ufdff\ufe10-\U000e00ff\U000e01f0-\U0010ffff])"
    "[\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    """``text`` with each hidden or reordering character written out, like ``[U+202E]``."""
    return HIDDEN.sub(_written_out, text)


def has_hidden(text: str) -> bool:
    """Whether ``text`` has characters that a reader would not see."""
    return HIDDEN.search(text) is not None


def _written_out(match: re.Match[str]) -> str:
    return f"[U+{ord(match[0]):04X}]"
