"""The agents of a workflow, version by version: each row a page of figures of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.http import HttpRequest

from orchestrator import insights
from orchestrator.insights import Record, wording
from orchestrator.models import Actor
from orchestrator.views.home.owning import step_names
from orchestrator.views.insights.frame import Frame
from orchestrator.views.requests import link


def rows(request: HttpRequest, frame: Frame) -> list[dict[str, Any]]:
    """None beside one version or one agent: who answers is counted over all versions."""
    if frame.part != "*":
        return []
    found = insights.records(frame.workflow.pk, frame.period, frame.now)
    names = step_names([frame.workflow]) if found else {}
    return [_row(request, frame, record, names) for record in found]


def model_of(agent: Actor) -> str:
    """As its provider named it; "" where none did."""
    return str((agent.definition or {}).get("model", ""))


def _row(
    request: HttpRequest, frame: Frame, record: Record, names: Mapping[tuple[int, str], str]
) -> dict[str, Any]:
    agent, found = record.debut.actor, record.figures
    own = replace(frame, debut=record.debut)
    return {
        "name": agent.name,
        "revision": agent.revision,
        "model": model_of(agent),
        "steps": ", ".join(names.get((frame.workflow.pk, key), key) for key in record.steps),
        "url": link(request, agent=agent.pk),
        "tries": own.number(found.tries, "tried"),
        "failed": own.number(found.failed, "failed"),
        "auto": own.number(found.automation.part, "auto"),
        "automation": wording.percent(found.automation.value),
        "asked": own.number(found.asked, "asked"),
        "overridden": own.number(found.overrides.part, "overridden"),
        "overrides": wording.percent(found.overrides.value),
        "interval": wording.interval(found.overrides) if found.overrides.whole else "",
        "is_bad": any(band.verdict == "over" for band in found.bands),
        "cost": wording.money(found.cost, found.outputs),
        "latency": wording.duration(found.latency.p50),
    }
