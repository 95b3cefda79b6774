"""What the rules of a step would say of its newest real outputs, beside what was said then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.urls import reverse

from orchestrator import schema
from orchestrator.admin.samples import of_routing
from orchestrator.admin.tester import tried
from orchestrator.models import Actor, Case, DecisionRight, Routing, Step
from orchestrator.sight import blind_seats

MOST: Final = 50
MOST_CASES: Final = 300
"""Cases of the workflow that are looked at, the newest."""
INVALID: Final = "invalid"


@dataclass(frozen=True, slots=True)
class Replay:
    """One output. ``said`` and ``says`` are modes, then and with the rules at hand."""

    routing: Routing
    said: str
    said_by: str
    says: str
    says_by: str
    reason: str

    @property
    def url(self) -> str:
        return reverse("case", args=[self.routing.task.case_id])

    @property
    def changed(self) -> bool:
        return self.said != self.says


def routings_of(step: Step, actor: Actor, most: int = MOST) -> list[Routing]:
    """The newest first routings of a step's outputs that the actor may see. Four queries.

    Where a blind review waits for the actor, the case is left out: its route tells too much.
    """
    cases = _cases(step.version.workflow_id, actor, MOST_CASES)
    rows = Routing.objects.filter(task__case__in=cases, task__step_key=step.key).select_related(
        "task__case__initiator__user", "task__case__version", "attempt", "right"
    )
    first: dict[tuple[int, int | None], Routing] = {}
    for row in rows.order_by("-task_id", "-round")[: 4 * most]:
        first[row.task_id, row.attempt_id] = row
    return list(first.values())[:most]


def newest_case(workflow_id: int, actor: Actor) -> Case | None:
    """The newest case of a workflow that the actor may see into. Three queries."""
    cases = _cases(workflow_id, actor, 1)
    return Case.objects.get(pk=cases[0]) if cases else None


def _cases(workflow_id: int, actor: Actor, most: int) -> list[int]:
    """The newest cases into which the actor may see. Two queries."""
    cases = Case.objects.visible_to(actor).filter(workflow=workflow_id)
    newest = list(cases.order_by("-pk").values_list("pk", flat=True)[:most])
    hidden = {seat.task.case_id for seat in blind_seats(actor, newest)}
    return [pk for pk in newest if pk not in hidden]


def replay(
    step: Step, rights: Sequence[DecisionRight], routings: Sequence[Routing]
) -> list[Replay]:
    """Each routing with what the rules would say; that a stop asks people is left out."""
    return [_replayed(step, rights, row) for row in routings]


def _replayed(step: Step, rights: Sequence[DecisionRight], row: Routing) -> Replay:
    said_by = str(row.right) if row.right else ""
    sample = of_routing(row)
    if row.attempt and (wrong := _wrong(step, row.attempt.output)):
        return Replay(row, row.action, said_by, INVALID, "", wrong)
    found = tried(rights, sample.facts)
    fired = str(found.fired) if found.fired else ""
    return Replay(row, row.action, said_by, found.mode, fired, found.reason)


def _wrong(step: Step, output: object) -> str:
    if schema.check_schema(step.schema):
        return ""
    return next((f"{p.path} {p.message}" for p in schema.validate(step.schema, output)), "")


def turns(rows: Sequence[Replay]) -> list[tuple[str, str, int]]:
    """The changes of route with their counts, the most frequent first."""
    counted = Counter((row.said, row.says) for row in rows if row.changed)
    return [(said, says, count) for (said, says), count in counted.most_common()]
