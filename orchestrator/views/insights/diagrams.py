"""Charts, each with the table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.insights import Band, Figures, Slice, charts, spread, wording
from orchestrator.insights.charts import Chart
from orchestrator.spelling import number
from orchestrator.views.insights.frame import Frame

Parts = Sequence[Slice]


def drawn(frame: Frame, parts: Parts, total: Figures) -> dict[str, Any]:
    """Cases begin and end without an agent: its figures have no such charts."""
    of_cases = {} if frame.debut else {"flow": flow(frame, parts), "lead": lead(frame, parts)}
    return of_cases | {"ways": ways(frame, parts), "bands": bands(frame, total)}


def flow(frame: Frame, parts: Parts) -> dict[str, Any]:
    started, completed = _counts(parts, "started"), _counts(parts, "completed")
    chart = charts.beside([("held", started), ("said", completed)])
    return _over(frame, parts, chart, number(chart.top)) | {
        "title": _("Intake and throughput"),
        "label": _("%(started)s cases started and %(completed)s completed.")
        % {"started": number(sum(started)), "completed": number(sum(completed))},
        "legend": [("held", _("started")), ("said", _("completed"))],
        "heads": [_("started"), _("completed"), _("cancelled")],
        "rows": _lines(frame, parts, "started", "completed", "cancelled"),
    }


def ways(frame: Frame, parts: Parts) -> dict[str, Any]:
    auto, asked, blocked = (_counts(parts, name) for name in ("auto", "asked", "blocked"))
    chart = charts.stacked([("held", auto), ("said", asked), ("wrong", blocked)])
    return _over(frame, parts, chart, number(chart.top)) | {
        "title": _("Who decided about outputs"),
        "label": _(
            "A rule approved %(auto)s outputs, %(asked)s came before people and a rule "
            "blocked %(blocked)s."
        )
        % {
            "auto": number(sum(auto)),
            "asked": number(sum(asked)),
            "blocked": number(sum(blocked)),
        },
        "legend": [
            ("held", _("approved by a rule")),
            ("said", _("asked people")),
            ("wrong", _("blocked by a rule")),
        ],
        "heads": [_("approved by a rule"), _("asked people"), _("blocked")],
        "rows": _lines(frame, parts, "auto", "asked", "blocked"),
    }


def lead(frame: Frame, parts: Parts) -> dict[str, Any]:
    spreads = [spread(part, "lead") for part in parts]
    halves, nines = [row.p50 or 0 for row in spreads], [row.p90 or 0 for row in spreads]
    chart = charts.layered([("said", nines), ("held", halves)])
    rows = _lines(frame, parts, "completed")
    return _over(frame, parts, chart, wording.duration(chart.top)) | {
        "title": _("Lead time"),
        "label": _("How long the cases took that were completed then."),
        "legend": [("held", _("half of the cases")), ("said", _("nine of ten"))],
        "heads": [_("completed"), _("half within"), _("nine of ten within")],
        "rows": [
            (name, [*cells, wording.duration(row.p50), wording.duration(row.p90)])
            for (name, cells), row in zip(rows, spreads, strict=True)
        ],
    }


def _counts(parts: Parts, measure: str) -> list[int]:
    return [part.counts.get(measure, 0) for part in parts]


def _over(frame: Frame, parts: Parts, chart: Chart, top: str) -> dict[str, Any]:
    """A chart, its upper edge and the names of its first, middle and last slice."""
    names = [wording.slice_name(part.start, frame.period.grain) for part in parts]
    edges = [names[0], names[len(names) // 2], names[-1]] if len(names) > 2 else names
    return {"chart": chart, "top": top, "edges": edges}


def _lines(frame: Frame, parts: Parts, *measures: str) -> list[tuple[str, list[str]]]:
    """Name of a slice -> so many of each measure; measures are words of the links too."""
    return [
        (
            wording.slice_name(part.start, frame.period.grain),
            [frame.number(part.counts.get(name, 0), name, part) for name in measures],
        )
        for part in parts
    ]


def bands(frame: Frame, total: Figures) -> dict[str, Any] | None:
    """Whether people agreed as often as the agent was sure; None where nothing was judged."""
    judged = [band for band in total.bands if band.share.whole]
    if not judged:
        return None
    return {
        "chart": charts.calibration(total.bands),
        "rows": [_band(frame, band) for band in judged],
    }


def _band(frame: Frame, band: Band) -> dict[str, Any]:
    share, more = band.share, f"&band={band.key}"
    return {
        "name": wording.band_name(band),
        "judged": frame.number(share.whole, "judged", more=more),
        "agreed": frame.number(share.part, "agreed", more=more),
        "share": wording.percent(share.value),
        "interval": wording.interval(share),
        "verdict": wording.band_verdict(band),
        "is_bad": band.verdict == "over",
    }
