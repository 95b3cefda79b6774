"""How the agents of a workflow do, version by version: one beside the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Max

from orchestrator.engine.counting import EPOCH
from orchestrator.insights.figures import Figures, figures
from orchestrator.insights.reading import Period, Slice
from orchestrator.models import Debut

MOST: Final = 20
# The database adds up: whatever the period, a few rows come back for each agent.
SUMS: Final = """
SELECT c.scope, c.measure, COALESCE(h.key, ''), sum(COALESCE(h.value::bigint, c.count))::bigint
FROM orchestrator_counter c
LEFT JOIN LATERAL jsonb_each_text(c.histogram) AS h ON TRUE
WHERE c.scope = ANY(%s) AND c.hour >= %s
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class Record:
    """An agent version by its first answer, the keys of the steps at which it answered, and
    what became of that.
    """

    debut: Debut
    steps: tuple[str, ...]
    figures: Figures


def debut_of(workflow: int, agent: int) -> Debut | None:
    """The first answer of the agent version in the workflow, if there is one. One query."""
    rows = Debut.objects.filter(workflow=workflow, actor=agent).select_related("actor")
    return rows.order_by("pk").first()


def records(workflow: int, period: Period, now: datetime) -> list[Record]:
    """Of the ``MOST`` agent versions that came last, those that did something in the period:
    by step, the newest first. Three queries, or one where no agent ever answered.
    """
    latest = Debut.objects.filter(workflow=workflow).values("actor").annotate(last=Max("pk"))
    last = dict(latest.order_by("-last").values_list("actor", "last")[:MOST])
    if not last:
        return []
    debuts: dict[int, list[Debut]] = defaultdict(list)
    rows = Debut.objects.filter(workflow=workflow, actor__in=last).select_related("actor")
    for debut in rows.order_by("pk"):
        debuts[debut.actor_id].append(debut)
    sums = _sums(workflow, last, period, now)
    found = [
        Record(mine[0], tuple(sorted(debut.step_key for debut in mine)), figures(sums[agent]))
        for agent, mine in debuts.items()
        if agent in sums
    ]
    return sorted(found, key=lambda record: (record.steps, -last[record.debut.actor_id]))


def _sums(workflow: int, agents: Iterable[int], period: Period, now: datetime) -> dict[int, Slice]:
    scopes = {f"{period.grain}/{workflow}/@{agent}": agent for agent in agents}
    since = period.since(now) or EPOCH
    found: dict[int, Slice] = {}
    with connection.cursor() as cursor:
        cursor.execute(SUMS, [list(scopes), since])
        for scope, measure, key, amount in cursor.fetchall():
            part = found.setdefault(scopes[scope], Slice(since, now))
            part.add(measure, amount, {key: amount} if key else None)
    return found
