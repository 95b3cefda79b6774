"""What is under way in a workflow, counted step by step: bounded, however much there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from orchestrator.models import Workflow

MOST: Final = 1000
"""Open cases that are looked at; where there are more, the counts are of these."""

# Along the partial index of open cases, then by case into its few tasks. One that waits before
# two groups, as where one of two passed it on, is counted for each of them and once in all.
COUNTS: Final = """
WITH few AS (
    SELECT id FROM orchestrator_case
    WHERE workflow_id = %(workflow)s AND state IN ('open', 'cancelling') LIMIT %(most)s
)
SELECT t.step_key, t.state, s.group_id, grouping(s.group_id) = 1, count(DISTINCT t.id),
    (SELECT count(*) FROM few)
FROM few JOIN orchestrator_task t ON t.case_id = few.id
LEFT JOIN orchestrator_seat s
    ON s.task_id = t.id AND s.state = 'open' AND t.state = 'in_review'
WHERE t.state NOT IN ('completed', 'cancelled')
GROUP BY GROUPING SETS ((t.step_key, t.state), (t.step_key, t.state, s.group_id))
"""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """``states``: step -> state -> tasks; ``waiting``: step and group -> tasks before them.

    ``more`` says that there are more open cases than were looked at.
    """

    states: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    waiting: Mapping[tuple[str, int], int] = field(default_factory=dict)
    cases: int = 0
    more: bool = False


def under_way(workflow: Workflow) -> UnderWay:
    """The open tasks of a workflow's open cases. One query."""
    with connection.cursor() as cursor:
        cursor.execute(COUNTS, {"workflow": workflow.pk, "most": MOST})
        return _counted(cursor.fetchall())


def _counted(rows: list[tuple[Any, ...]]) -> UnderWay:
    states: dict[str, dict[str, int]] = defaultdict(dict)
    waiting = {}
    for step_key, state, group, is_all, count, _cases in rows:
        if is_all:
            states[step_key][state] = count
        elif group is not None:
            waiting[step_key, group] = count
    cases = rows[0][-1] if rows else 0
    return UnderWay(states, waiting, cases, more=cases >= MOST)
