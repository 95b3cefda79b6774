"""One spelling for each JSON value (RFC 8785), its digest, and when two values are the same.

Numbers go by the value that their JSON text has, so ``1`` and ``1.0`` are the same and
jsonb, which rewrites ``1e17`` as digits, changes no digest. RFC 8785 knows doubles only; an
integer beyond 2**53 keeps all its digits here, so that two of them never share a digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Any, Final

import orjson

_PLAIN: Final = frozenset({str, bool, type(None)})
_EXACT: Final = 1 << 53
_PLAIN_FROM: Final = 1e-5
_PLAIN_DIGITS: Final = 21
_PLAIN_ZEROS: Final = -6


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex. Raises as ``canonical`` does."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """The RFC 8785 text of a JSON value; ValueError for NaN and infinity, TypeError for no JSON."""
    return orjson.dumps(_ordered(value))


def _ordered(value: Any) -> Any:
    """``value`` with sorted keys and with numbers that orjson writes as RFC 8785 wants."""
    if isinstance(value, str) or value is None or value is True or value is False:
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else _fragment(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, dict):
        return {
            key: item if type(item := value[key]) in _PLAIN else _ordered(item)
            for key in _sorted(value)
        }
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    raise TypeError(f"{type(value).__name__} is no JSON.")


def _sorted(members: dict[str, Any]) -> Iterable[str]:
    if len(members) == 1:
        return members
    if "".join(members).isascii():
        return sorted(members)
    return sorted(members, key=lambda key: key.encode("utf-16-be"))


def _float(value: float) -> Any:
    if not isfinite(value):
        raise ValueError(f"{value} is no JSON.")
    if value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return value if _PLAIN_FROM <= abs(value) < _EXACT else _fragment(value)


def _fragment(value: float) -> orjson.Fragment:
    return orjson.Fragment(_spelled(_decimal(value)).encode())


def _decimal(value: float) -> Decimal:
    """The number that the shortest JSON text of ``value`` stands for."""
    return Decimal(repr(value))


def _spelled(number: Decimal) -> str:
    """ECMAScript's Number::toString for a wide integer of any length, or a tiny fraction."""
    sign, parts, exponent = number.as_tuple()
    digits = "".join(map(str, parts))
    point = len(digits) + int(exponent)
    digits = digits.rstrip("0")
    return ("-" if sign else "") + _placed(digits, point)


def _placed(digits: str, point: int) -> str:
    """``0.digits`` times ten to the power ``point``."""
    if len(digits) <= point <= _PLAIN_DIGITS:
        return digits.ljust(point, "0")
    if _PLAIN_ZEROS < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{mantissa}e{point - 1:+d}"


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are equal: ``1`` is ``1.0``, but True is not ``1``."""
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(item, right[key]) for key, item in left.items())
        )
    if isinstance(left, list):
        return (
            isinstance(right, list)
            and len(left) == len(right)
            and all(same(*pair) for pair in zip(left, right, strict=True))
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return _same_number(left, right)
    return bool(left == right)


def _same_number(left: float, right: float) -> bool:
    if type(left) is type(right) or abs(left) <= _EXACT:
        return left == right
    return _decimal(left) == _decimal(right)
