"""Numbers, shares and durations as a person reads them, in the language of the page."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
UNITS: Final = (
    (DAY, gettext_noop("%s d")),
    (HOUR, gettext_noop("%s h")),
    (MINUTE, gettext_noop("%s min")),
)


def number(value: float, decimals: int = 0) -> str:
    """``12,345``, in German ``12.345``."""
    return number_format(round(value, decimals), decimals, force_grouping=True)


def at_least(value: int, *, more: bool) -> str:
    """A count, with a plus where there are more than were counted."""
    return f"{number(value)}{'+' if more else ''}"


def share(value: float) -> str:
    """Whole per cent: ``62%``, in German ``62 %``."""
    return _("%s%%") % number(value * 100)


def duration(seconds: float) -> str:
    """The whole units of the largest that fits: ``3 h``."""
    for size, unit in UNITS:
        if seconds >= size:
            return _(unit) % number(seconds // size)
    return _("%s s") % number(int(seconds))


def listed(parts: list[str], last: str) -> str:
    """``a, b or c``; ``last`` joins the last two."""
    return f" {last} ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def plain(value: Decimal) -> str:
    """All the digits that a number has, and no more."""
    decimals = max(0, -int(value.normalize().as_tuple().exponent))
    return number_format(value, decimals, force_grouping=True)


def exactly(seconds: int) -> str:
    """The largest unit that comes out even: ``90 min``, where ``duration`` says ``1 h``."""
    for size, unit in UNITS:
        if seconds and seconds % size == 0:
            return _(unit) % number(seconds // size)
    return _("%s s") % number(seconds)
