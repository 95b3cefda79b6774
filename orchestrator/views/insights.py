"""How a workflow does: read from the counters, each number a link to its cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from orchestrator import engine, insights
from orchestrator.exceptions import NotFound
from orchestrator.insights import Figures, Period, Share, Slice, charts, reasons, wording
from orchestrator.models import Actor, Workflow, WorkflowVersion
from orchestrator.models.standing import standing
from orchestrator.views.requests import actor_of, link, number

DEFAULT: Final = "30d"


@dataclass(frozen=True, slots=True)
class Frame:
    """What the page is about."""

    workflow: Workflow
    version: int | None
    period: Period
    now: datetime

    def cases(self, what: str, part: Slice | None = None, **more: Any) -> str:
        """The list of the cases behind a number, of one slice or of the whole period."""
        since = part.start if part else self.period.since(self.now)
        query = {
            "workflow": self.workflow.slug,
            "version": self.version,
            "what": what,
            "since": since and f"{since:%Y-%m-%dT%H:%MZ}",
            "until": part and f"{part.end:%Y-%m-%dT%H:%MZ}",
            **more,
        }
        kept = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{reverse('cases')}?{urlencode(kept)}"


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """``?workflow=<slug>&version=<number>&period=24h|7d|30d|all``."""
    workflows = list(visible(actor_of(request)))
    if not workflows:
        return render(request, "orchestrator/insights.html", {"workflows": []})
    frame = framed(request, workflows)
    versions = list(_published(frame.workflow))
    if frame.version is not None and frame.version not in versions:
        raise NotFound("There is no such version.")
    parts = insights.slices(frame.workflow.pk, frame.version, frame.period, frame.now)
    total = insights.figures(insights.added(parts))
    context = {
        "workflows": workflows,
        "frame": frame,
        "versions": versions,
        "periods": periods(request, frame),
        "now": standing_now(frame),
        "empty": total.is_empty,
        "all_url": link(request, period="all"),
    }
    if not total.is_empty:
        context |= told(frame, total, parts)
    return render(request, "orchestrator/insights.html", context)


def visible(actor: Actor) -> Any:
    """Workflows whose cases the actor sees; to start cases is not enough."""
    rows = Workflow.objects.filter(standing(actor).seen("pk")).exclude(slug=engine.CHANGES)
    return rows.order_by("name", "pk")


def framed(request: HttpRequest, workflows: list[Workflow]) -> Frame:
    """What was asked for. Raises NotFound for a workflow that is not visible."""
    slug = request.GET.get("workflow", "")
    chosen = [row for row in workflows if not slug or row.slug == slug]
    if not chosen:
        raise NotFound
    period = insights.PERIODS.get(request.GET.get("period") or DEFAULT)
    if period is None:
        raise NotFound("There is no such period.")
    return Frame(chosen[0], number(request, "version"), period, timezone.now())


def _published(workflow: Workflow) -> Any:
    rows = WorkflowVersion.objects.filter(workflow=workflow, published_at__isnull=False)
    return rows.order_by("-number").values_list("number", flat=True)


def periods(request: HttpRequest, frame: Frame) -> list[dict[str, Any]]:
    return [
        {
            "label": period.label,
            "url": link(request, period=period.key),
            "current": period == frame.period,
        }
        for period in insights.PERIODS.values()
    ]


def standing_now(frame: Frame) -> list[dict[str, Any]]:
    """How many are open and wait at this moment, in all versions."""
    found = insights.now_in([frame.workflow.pk])[frame.workflow.pk]
    slug = {"workflow": frame.workflow.slug}
    cases = reverse("cases")
    return [
        _number("open cases", found["open"], f"{cases}?{urlencode(slug | {'state': 'open'})}"),
        _number(
            "wait for people",
            found["in_review"],
            f"{cases}?{urlencode(slug | {'what': 'in_review'})}",
        ),
    ]


def _number(label: str, value: int, url: str) -> dict[str, Any]:
    """A count with the link to its cases; nothing is behind a zero."""
    return {"label": label, "value": f"{value:,}", "url": url if value else ""}


def told(frame: Frame, total: Figures, parts: list[Slice]) -> dict[str, Any]:
    each = [(part, insights.figures(part)) for part in parts]
    return {
        "tiles": tiles(frame, total),
        "flow": flow(frame, each),
        "ways": ways(frame, each),
        "lead": lead(frame, each),
        "reasons": reason_rows(frame, total),
        "bands": bands(frame, total),
        "said": said(frame, total),
    }


def tiles(frame: Frame, total: Figures) -> list[dict[str, Any]]:
    """The figures that come first: each with what it is made of."""

    def counted(label: str, value: int, what: str) -> dict[str, Any]:
        return _number(label, value, frame.cases(what))

    automation, overrides = total.automation, total.overrides
    return [
        _tile("Started", f"{total.started:,}", frame.cases("started") if total.started else ""),
        _tile(
            "Completed",
            f"{total.completed:,}",
            frame.cases("completed") if total.completed else "",
            parts=[counted("cancelled", total.cancelled, "cancelled")],
        ),
        _tile(
            "Lead time",
            wording.duration(total.lead.p50),
            note=_nine(total.lead.p90),
            parts=[counted("completed", total.lead.count, "completed")],
        ),
        _tile(
            "Approved by rules",
            wording.percent(automation.value),
            parts=[
                counted("by a rule", automation.part, "auto"),
                counted("asked people", total.asked, "asked"),
                counted("blocked", total.blocked, "blocked"),
            ],
        ),
        _tile(
            "Overridden by people",
            wording.percent(overrides.value),
            note=_likely(overrides),
            parts=[
                counted("overridden", overrides.part, "overridden"),
                counted("approved", overrides.whole - overrides.part, "approved"),
            ],
        ),
        _tile(
            "Time to decision",
            wording.duration(total.waited.p50),
            note=f"{_nine(total.waited.p90)}; on screen {wording.duration(total.seconds.p50)}",
            parts=[counted("outputs decided", sum(total.said.values()), "decided")],
        ),
        _tile(
            "Cost per case",
            wording.money(total.cost, total.started),
            note=f"{wording.money(total.cost)} in all" if total.cost else "no cost was given",
            parts=[
                counted("tries", total.tries, "tried"),
                counted("failed", total.failed, "failed"),
            ],
        ),
    ]


def _tile(
    label: str, value: str, url: str = "", note: str = "", parts: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    return {"label": label, "value": value, "url": url, "note": note, "parts": parts or []}


def _nine(seconds: float | None) -> str:
    return f"nine of ten within {wording.duration(seconds)}" if seconds is not None else ""


def _likely(share: Share) -> str:
    return f"likely {wording.interval(share)}" if share.whole else ""


Each = list[tuple[Slice, Figures]]


def flow(frame: Frame, each: Each) -> dict[str, Any]:
    started = [row.started for _, row in each]
    completed = [row.completed for _, row in each]
    chart = charts.beside([("held", started), ("said", completed)])
    return {
        "chart": chart,
        "legend": [("held", "started"), ("said", "completed")],
        "heads": ["started", "completed", "cancelled"],
        "rows": [
            _row(
                frame,
                part,
                started=row.started,
                completed=row.completed,
                cancelled=row.cancelled,
            )
            for part, row in each
        ],
        "label": f"{sum(started):,} cases started and {sum(completed):,} completed.",
    } | _edges(frame, each, f"{chart.top:,.0f}")


def ways(frame: Frame, each: Each) -> dict[str, Any]:
    auto = [row.automation.part for _, row in each]
    asked = [row.asked for _, row in each]
    blocked = [row.blocked for _, row in each]
    chart = charts.stacked([("held", auto), ("said", asked), ("wrong", blocked)])
    return {
        "chart": chart,
        "legend": [
            ("held", "approved by a rule"),
            ("said", "asked people"),
            ("wrong", "blocked by a rule"),
        ],
        "heads": ["approved by a rule", "asked people", "blocked"],
        "rows": [
            _row(frame, part, auto=row.automation.part, asked=row.asked, blocked=row.blocked)
            for part, row in each
        ],
        "label": f"Of the outputs {sum(auto):,} were approved by a rule, {sum(asked):,} came"
        f" before people and {sum(blocked):,} were blocked.",
    } | _edges(frame, each, f"{chart.top:,.0f}")


def lead(frame: Frame, each: Each) -> dict[str, Any]:
    halves = [row.lead.p50 or 0 for _, row in each]
    nines = [row.lead.p90 or 0 for _, row in each]
    chart = charts.layered([("said", nines), ("held", halves)])
    return {
        "chart": chart,
        "legend": [("held", "half of the cases"), ("said", "nine of ten")],
        "heads": ["completed", "half within", "nine of ten within"],
        "rows": [
            _row(frame, part, completed=row.completed)
            | {"more": [wording.duration(row.lead.p50), wording.duration(row.lead.p90)]}
            for part, row in each
        ],
        "label": "How long the cases took that were completed then.",
    } | _edges(frame, each, wording.duration(chart.top))


def _edges(frame: Frame, each: Each, top: str) -> dict[str, Any]:
    """What stands beside a chart: its upper edge, and its first, middle and last slice."""
    names = [wording.slice_name(part.start, frame.period.grain) for part, _ in each]
    shown = [names[0], names[len(names) // 2], names[-1]] if len(names) > 2 else names
    return {"edges": shown, "top": top}


def _row(frame: Frame, part: Slice, **counts: int) -> dict[str, Any]:
    """One line of the table beside a chart."""
    return {
        "name": wording.slice_name(part.start, frame.period.grain),
        "cells": [_number("", count, frame.cases(what, part)) for what, count in counts.items()],
    }


def reason_rows(frame: Frame, total: Figures) -> list[dict[str, Any]]:
    """Why people were asked, the most frequent first."""
    rows = reasons.ranked(total.reasons)
    return [
        {
            "name": row.name,
            "step": row.step,
            "sentence": row.sentence,
            "share": wording.percent(row.count / total.asked),
            "width": round(100 * row.count / rows[0].count, 1),
            "count": _number(
                "", row.count, frame.cases("asked", rule=",".join(map(str, row.rights)))
            ),
        }
        for row in rows
    ]


def bands(frame: Frame, total: Figures) -> dict[str, Any] | None:
    """Whether people agreed as often as the agent was sure; None where nothing was judged."""
    judged = [band for band in total.bands if band.share.whole]
    if not judged:
        return None
    return {
        "chart": charts.calibration(total.bands),
        "rows": [
            {
                "name": wording.band_name(band),
                "agreed": _number("", band.share.part, frame.cases("agreed", band=band.key)),
                "judged": _number("", band.share.whole, frame.cases("judged", band=band.key)),
                "share": wording.percent(band.share.value),
                "interval": wording.interval(band.share),
                "verdict": wording.band_verdict(band),
                "tone": band.verdict,
            }
            for band in judged
        ],
    }


def said(frame: Frame, total: Figures) -> list[dict[str, Any]]:
    """What people said, word by word."""
    words = ("approved", "corrected", "rejected", "responded", "escalated")
    found = [
        {"word": word, "count": _number("", total.said[word], frame.cases(word))}
        for word in words
        if total.said.get(word)
    ]
    if total.answered:
        count = _number("", total.answered, frame.cases("answered"))
        found.append({"word": "answered", "count": count})
    return found
