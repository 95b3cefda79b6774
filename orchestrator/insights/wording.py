"""Figures as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from orchestrator.insights.figures import Band, Share

NOTHING: Final = "–"
_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"))
_VERDICTS: Final = {"over": "too sure", "under": "too modest", "": ""}


def duration(seconds: float | None) -> str:
    """``1.5 h``; a dash for nothing."""
    if seconds is None:
        return NOTHING
    for size, unit in _UNITS:
        if seconds >= size * 0.995:
            return f"{_short(seconds / size)} {unit}"
    return f"{_short(seconds)} s"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}".removesuffix(".0")


def percent(value: float | None) -> str:
    """Whole per cent, but never 0 or 100 where it is not."""
    if value is None:
        return NOTHING
    shown = round(value * 100)
    if shown == 0 and value > 0:
        return "< 1 %"
    return "> 99 %" if shown == 100 and value < 1 else f"{shown} %"


def interval(share: Share) -> str:
    """``79 to 96 %``."""
    low, high = share.interval
    return f"{low * 100:.0f} to {high * 100:.0f} %"


def band_name(band: Band) -> str:
    return f"{band.bounds[0]:.1f} to {band.bounds[1]:.1f}" if band.bounds else "not given"


def band_verdict(band: Band) -> str:
    return _VERDICTS[band.verdict]


def money(micros: Mapping[str, int], among: int = 1) -> str:
    """Millionths by currency as amounts, shared among so many; a dash for nothing."""
    if not micros or among < 1:
        return NOTHING
    return " + ".join(_amount(micros[name] / among, name) for name in sorted(micros))


def _amount(micros: float, currency: str) -> str:
    value = micros / 1_000_000
    digits = 2 if value >= 0.05 or value == 0 else 4
    return f"{value:,.{digits}f} {currency}".rstrip()


def slice_name(start: datetime, grain: str) -> str:
    return start.strftime({"hour": "%H:%M", "day": "%d %b", "month": "%b %Y"}[grain])
