"""Decisions with their proof, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.db import models
from django.utils.translation import gettext as _

from orchestrator.diffing import Change
from orchestrator.explaining import explanation
from orchestrator.models import Decision, Routing
from orchestrator.pages import attempt_line, name_of, person
from orchestrator.spelling import number
from orchestrator.telling import reason_of


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision and its proof. ``rules`` is the why of its routing, None where none was made."""

    id: int
    who: str
    who_icon: str
    word: str
    at: datetime
    sentence: str
    undone: bool
    comment: str
    changes: list[Change]
    proof: list[tuple[str, str]]
    rules: list[dict[str, Any]]


def decision_views(decisions: models.QuerySet[Decision]) -> list[DecisionView]:
    """Decisions with their proof, in the query set's order. Three queries."""
    rows = list(
        decisions.select_related(
            "actor__user",
            "on_behalf_of__user",
            "seat",
            "task__case__version__accountable",
            "task__case__version__workflow",
        ).prefetch_related("corrections")
    )
    tasks = {row.task_id for row in rows}
    routed = Routing.objects.filter(task__in=tasks).select_related("right", "attempt")
    routings = {(routing.task_id, routing.round): routing for routing in routed}
    return [_decision_view(row, routings.get((row.task_id, row.round))) for row in rows]


def _decision_view(decision: Decision, routing: Routing | None) -> DecisionView:
    kind, who = decision.actor.kind, name_of(decision.actor)
    return DecisionView(
        id=decision.pk,
        who=who,
        who_icon="user" if kind == "human" else kind,
        word=decision.word,
        at=decision.created_at,
        sentence=explanation(decision, routing, who),
        undone=decision.seat is not None and decision.seat.decision_id != decision.pk,
        comment=decision.comment,
        changes=[
            Change(row.path, cast("Any", row.op), row.before, row.after)
            for row in decision.corrections.all()
        ],
        proof=[pair for pair in _proof(decision, routing) if pair[1]],
        rules=routing.why if routing else [],
    )


def _proof(decision: Decision, routing: Routing | None) -> list[tuple[str, str]]:
    version = decision.task.case.version
    right = routing.right if routing else None
    attempt = routing.attempt if routing else None
    return [
        (
            _("Rule"),
            f"{right} (rule:{version.number}/{right.position})" if right else _("none matched"),
        ),
        (_("Because"), reason_of(routing) if routing else ""),
        (_("Version"), f"{version.workflow.name} {version.number}"),
        (_("Accountable"), person(version.accountable)),
        (_("On behalf of"), name_of(decision.on_behalf_of)),
        (_("Attempt"), attempt_line(attempt) if attempt else ""),
        (_("Came by"), decision.via),
        (_("Seen for"), "" if decision.seconds is None else _("%s s") % number(decision.seconds)),
        (_("Digest of what was seen"), decision.shown_digest[:12]),
    ]
