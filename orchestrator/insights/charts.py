"""Bars in units of their own: pages stretch them, and write the numbers beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from orchestrator.insights.figures import Band

WIDTH: Final = 10.0
HEIGHT: Final = 100.0
GAP: Final = 1.5
_STEPS: Final = (1, 2, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; ``look`` is its class."""

    look: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over slices of ``WIDTH`` units, under ``top``, the value at the upper edge."""

    bars: list[Bar]
    width: int
    top: float

    @property
    def paths(self) -> list[tuple[str, str]]:
        """Look -> the outlines of its bars as one SVG path, in the order of drawing."""
        drawn: dict[str, list[str]] = {}
        for bar in self.bars:
            outline = f"M{bar.x} {bar.y}h{bar.width}v{bar.height}h-{bar.width}z"
            drawn.setdefault(bar.look, []).append(outline)
        return [(look, "".join(outlines)) for look, outlines in drawn.items()]


def beside(series: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """For each slice the bars of all series, one beside the other."""
    top = nice(max((max(values, default=0) for _, values in series), default=0))
    thick = (WIDTH - 2 * GAP) / len(series)
    bars = [
        _bar(look, slot * WIDTH + GAP + place * thick, thick, 0, value / top)
        for place, (look, values) in enumerate(series)
        for slot, value in enumerate(values)
    ]
    return _chart(bars, series, top)


def stacked(series: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """For each slice one bar that is made of all series, the first below."""
    sums = [sum(values) for values in zip(*(values for _, values in series), strict=True)]
    top = nice(max(sums, default=0))
    below = [0.0] * len(sums)
    bars = []
    for look, values in series:
        for slot, value in enumerate(values):
            bars.append(_bar(look, slot * WIDTH + GAP, WIDTH - 2 * GAP, below[slot], value / top))
            below[slot] += value / top
    return _chart(bars, series, top)


def layered(series: Sequence[tuple[str, Sequence[float]]]) -> Chart:
    """Bars of durations in front of each other, the largest behind."""
    top = nice_duration(max((max(values, default=0) for _, values in series), default=0))
    bars = [
        _bar(look, slot * WIDTH + GAP, WIDTH - 2 * GAP, 0, value / top)
        for look, values in series
        for slot, value in enumerate(values)
    ]
    return _chart(bars, series, top)


def calibration(bands: Sequence[Band]) -> Chart:
    """What was said (the band itself), and what held: the interval and the share in it."""
    bars: list[Bar] = []
    for slot, band in enumerate(band for band in bands if band.bounds):
        low, high = band.bounds or (0, 1)
        bars.append(_bar("band", slot * WIDTH, WIDTH, low, high - low))
        if band.share.value is not None:
            left, right = band.share.interval
            look = "wrong" if band.verdict == "over" else "held"
            bars.append(_bar(f"{look} faint", slot * WIDTH + 3, WIDTH - 6, left, right - left))
            at = min(max(band.share.value - 0.01, 0), 0.98)
            bars.append(_bar(look, slot * WIDTH + 1.5, WIDTH - 3, at, 0.02))
    return Chart([bar for bar in bars if bar.height], 100, 1)


def nice(largest: float) -> float:
    """The least of 1, 2, 3, 4, 5, 6, 8, 10, 20 … that is not below; 1 for nothing."""
    if largest <= 0:
        return 1
    power = 1.0
    while power * 10 < largest:
        power *= 10
    while power > largest:
        power /= 10
    return next(step * power for step in _STEPS if step * power >= largest)


def nice_duration(largest: float) -> float:
    """The least of some round durations in seconds that is not below, weeks after that."""
    round_ones = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800)
    hours = (3600 * hours for hours in (1, 2, 4, 8, 12, 24, 48, 96, 168))
    week = 7 * 86_400
    return next(
        (edge for edge in (*round_ones, *hours) if edge >= largest), week * ceil(largest / week)
    )


def _bar(look: str, x: float, width: float, below: float, height: float) -> Bar:
    """``below`` and ``height`` are shares of the chart's height, from its foot."""
    top = HEIGHT * (1 - below - height)
    return Bar(look, round(x, 2), round(top, 2), round(width, 2), round(HEIGHT * height, 2))


def _chart(bars: list[Bar], series: Sequence[tuple[str, Sequence[float]]], top: float) -> Chart:
    slots = max((len(values) for _, values in series), default=0)
    return Chart([bar for bar in bars if bar.height], round(slots * WIDTH), top)
