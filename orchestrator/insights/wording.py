"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator.insights.figures import Band, Share
from orchestrator.spelling import UNITS, number, share

NOTHING: Final = "–"
LEAST_SECONDS: Final = 0.95
"""What is shorter is told in milliseconds."""
_VERDICTS: Final = {"over": gettext_noop("too sure"), "under": gettext_noop("too modest")}
_SLICES: Final = {
    "hour": gettext_noop("H:i"),
    "day": gettext_noop("d M"),
    "month": gettext_noop("M Y"),
}


def duration(seconds: float | None) -> str:
    """``1.5 h``; a dash for nothing."""
    if seconds is None:
        return NOTHING
    for size, unit in UNITS:
        if seconds >= size * 0.995:
            return _(unit) % _short(seconds / size)
    if 0 < seconds < LEAST_SECONDS:
        return _("%s ms") % number(seconds * 1000)
    return _("%s s") % _short(seconds)


def _short(value: float) -> str:
    return number(value, 0 if value >= 9.95 or f"{value:.1f}".endswith(".0") else 1)


def percent(value: float | None) -> str:
    """Whole per cent, but never 0 or 100 where it is not."""
    if value is None:
        return NOTHING
    shown = round(value * 100)
    if shown == 0 and value > 0:
        return f"< {share(0.01)}"
    return f"> {share(0.99)}" if shown == 100 and value < 1 else share(shown / 100)


def interval(found: Share) -> str:
    """``79 to 96%``."""
    low, high = found.interval
    return _("%(low)s to %(high)s%%") % {"low": number(low * 100), "high": number(high * 100)}


def band_told(key: str) -> str:
    return band_name(Band(key, Share(0, 0)))


def band_name(band: Band) -> str:
    if not band.bounds:
        return _("not given")
    low, high = band.bounds
    return _("%(low)s to %(high)s") % {"low": number(low, 1), "high": number(high, 1)}


def band_verdict(band: Band) -> str:
    return _(_VERDICTS[band.verdict]) if band.verdict else ""


def money(micros: Mapping[str, int], among: int = 1) -> str:
    """Millionths by currency as amounts, shared among so many; a dash for nothing."""
    if not micros or among < 1:
        return NOTHING
    return " + ".join(_amount(micros[name] / among, name) for name in sorted(micros))


def _amount(micros: float, currency: str) -> str:
    value = micros / 1_000_000
    digits = 2 if value >= 0.05 or value == 0 else 4
    return f"{number(value, digits)} {currency}".rstrip()


def day(at: datetime) -> str:
    return date_format(at, _("d M Y"))


def slice_name(start: datetime, grain: str) -> str:
    return date_format(start, _(_SLICES[grain]))
