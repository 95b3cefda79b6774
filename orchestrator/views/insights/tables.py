"""Figures in words and numbers: tiles, the ranked reasons, what people said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString

from orchestrator.insights import Figures, Share, reasons, wording
from orchestrator.views.insights.frame import Frame

WORDS: Final = ("approved", "corrected", "rejected", "responded", "escalated")

Part = tuple[SafeString, str]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure, a note to it, and the numbers it is made of."""

    label: str
    value: str | SafeString
    note: str = ""
    parts: Sequence[Part] = ()


def told(frame: Frame, total: Figures) -> dict[str, Any]:
    return {
        "tiles": [*_amounts(frame, total), *_rates(frame, total), *_efforts(frame, total)],
        "reasons": reason_rows(frame, total),
        "said": said(frame, total),
    }


def _amounts(frame: Frame, total: Figures) -> list[Tile]:
    cancelled = (frame.number(total.cancelled, "cancelled"), "cancelled")
    lead = total.lead
    return [
        Tile("Started", frame.number(total.started, "started")),
        Tile("Completed", frame.number(total.completed, "completed"), parts=[cancelled]),
        Tile(
            "Lead time",
            wording.duration(lead.p50),
            _nine(lead.p90),
            [(frame.number(lead.count, "completed"), "completed")],
        ),
    ]


def _rates(frame: Frame, total: Figures) -> list[Tile]:
    automation, overrides = total.automation, total.overrides
    return [
        Tile(
            "Approved by rules",
            wording.percent(automation.value),
            parts=[
                (frame.number(automation.part, "auto"), "by a rule"),
                (frame.number(total.asked, "asked"), "asked people"),
                (frame.number(total.blocked, "blocked"), "blocked"),
            ],
        ),
        Tile(
            "Overridden by people",
            wording.percent(overrides.value),
            _likely(overrides),
            [
                (frame.number(overrides.part, "overridden"), "overridden"),
                (frame.number(overrides.whole - overrides.part, "approved"), "approved"),
            ],
        ),
    ]


def _efforts(frame: Frame, total: Figures) -> list[Tile]:
    decided = (frame.number(sum(total.said.values()), "decided"), "outputs decided")
    on_screen = f"on screen {wording.duration(total.seconds.p50)}" if total.seconds.count else ""
    failures = Share(total.failed, total.tries)
    return [
        Tile(
            "Time to decision",
            wording.duration(total.waited.p50),
            "; ".join(filter(None, (_nine(total.waited.p90), on_screen))),
            [decided],
        ),
        Tile(
            "Cost per case",
            wording.money(total.cost, total.started),
            f"{wording.money(total.cost)} in all" if total.cost else "no cost was given",
        ),
        Tile(
            "Failed tries",
            wording.percent(failures.value),
            parts=[
                (frame.number(total.failed, "failed"), "failed"),
                (frame.number(total.tries, "tried"), "tries"),
            ],
        ),
    ]


def _nine(seconds: float | None) -> str:
    return "" if seconds is None else f"nine of ten within {wording.duration(seconds)}"


def _likely(share: Share) -> str:
    return f"likely {wording.interval(share)}" if share.whole else ""


def reason_rows(frame: Frame, total: Figures) -> list[dict[str, Any]]:
    """Why people were asked, the most frequent first."""
    rows = reasons.ranked(total.reasons)
    return [
        {
            "name": row.name,
            "step": row.step,
            "sentence": row.sentence,
            "share": wording.percent(row.count / total.asked),
            "width": round(100 * row.count / rows[0].count),
            "count": frame.number(
                row.count, "asked", more=f"&rule={','.join(map(str, row.rights))}"
            ),
        }
        for row in rows
    ]


def said(frame: Frame, total: Figures) -> list[tuple[str, SafeString]]:
    """What people said of outputs, word by word, and how often they answered."""
    found = [(word, frame.number(total.said[word], word)) for word in WORDS if total.said.get(word)]
    if total.answered:
        found.append(("answered", frame.number(total.answered, "answered")))
    return found
