"""Figures in words and numbers: tiles, the ranked reasons, what people said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.insights import Figures, Share, reasons, wording
from orchestrator.models import Debut
from orchestrator.views.insights.agents import model_of
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
        "tiles": [
            *(_answers(frame, frame.debut, total) if frame.debut else _amounts(frame, total)),
            *_rates(frame, total),
            *_efforts(frame, total),
        ],
        "reasons": reason_rows(frame, total),
        "said": said(frame, total),
    }


def _amounts(frame: Frame, total: Figures) -> list[Tile]:
    cancelled = (frame.number(total.cancelled, "cancelled"), _("cancelled"))
    lead = total.lead
    return [
        Tile(_("Started"), frame.number(total.started, "started")),
        Tile(_("Completed"), frame.number(total.completed, "completed"), parts=[cancelled]),
        Tile(
            _("Lead time"),
            wording.duration(lead.p50),
            _nine(lead.p90),
            [(frame.number(lead.count, "completed"), _("completed"))],
        ),
    ]


def _answers(frame: Frame, debut: Debut, total: Figures) -> list[Tile]:
    """Of one agent: cases begin and end without it."""
    judged = Share(
        sum(band.share.part for band in total.bands), sum(band.share.whole for band in total.bands)
    )
    return [
        Tile(_("First answer"), wording.day(debut.at), model_of(debut.actor)),
        Tile(_("Time to answer"), wording.duration(total.latency.p50), _nine(total.latency.p90)),
        Tile(
            _("Agreed with"),
            wording.percent(judged.value),
            _likely(judged),
            [
                (frame.number(judged.part, "agreed"), _("agreed")),
                (frame.number(judged.whole, "judged"), _("judged")),
            ],
        ),
    ]


def _rates(frame: Frame, total: Figures) -> list[Tile]:
    automation, overrides = total.automation, total.overrides
    return [
        Tile(
            _("Approved by rules"),
            wording.percent(automation.value),
            parts=[
                (frame.number(automation.part, "auto"), _("by a rule")),
                (frame.number(total.asked, "asked"), _("asked people")),
                (frame.number(total.blocked, "blocked"), _("blocked")),
            ],
        ),
        Tile(
            _("Overridden by people"),
            wording.percent(overrides.value),
            _likely(overrides),
            [
                (frame.number(overrides.part, "overridden"), _("overridden")),
                (frame.number(overrides.whole - overrides.part, "approved"), _("approved")),
            ],
        ),
    ]


def _efforts(frame: Frame, total: Figures) -> list[Tile]:
    said = sum(total.said.values())
    decided = (
        frame.number(said, "decided"),
        ngettext("output decided", "outputs decided", said),
    )
    on_screen = (
        _("on screen %s") % wording.duration(total.seconds.p50) if total.seconds.count else ""
    )
    failures = Share(total.failed, total.tries)
    return [
        Tile(
            _("Time to decision"),
            wording.duration(total.waited.p50),
            "; ".join(filter(None, (_nine(total.waited.p90), on_screen))),
            [decided],
        ),
        Tile(
            _("Cost per output") if frame.debut else _("Cost per case"),
            wording.money(total.cost, total.outputs if frame.debut else total.started),
            _("%s in all") % wording.money(total.cost) if total.cost else _("no cost was given"),
        ),
        Tile(
            _("Failed tries"),
            wording.percent(failures.value),
            parts=[
                (frame.number(total.failed, "failed"), _("failed")),
                (frame.number(total.tries, "tried"), ngettext("try", "tries", total.tries)),
            ],
        ),
    ]


def _nine(seconds: float | None) -> str:
    return "" if seconds is None else _("nine of ten within %s") % wording.duration(seconds)


def _likely(share: Share) -> str:
    return _("likely %s") % wording.interval(share) if share.whole else ""


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
