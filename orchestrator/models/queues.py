"""The queue: the lanes in which seats wait, and who may decide what waits there.

In SQL by hand, for it costs the same however many seats there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection

from orchestrator.models.standing import Lane, Standing, once

COLUMNS: Final = {"due": "due_at", "confidence": "rank", "created": "created_at"}
"""The orders of the queue; each has an index."""

# A loose scan: one step down the index for each lane, however many seats wait in it.
LANES: Final = """
WITH RECURSIVE lane AS (
    (SELECT workflow_id, step_key, group_id FROM orchestrator_seat WHERE state = 'open'
        ORDER BY workflow_id, step_key, group_id LIMIT 1)
    UNION ALL
    SELECT after.* FROM lane CROSS JOIN LATERAL (
        SELECT s.workflow_id, s.step_key, s.group_id FROM orchestrator_seat s
        WHERE s.state = 'open' AND (s.workflow_id, s.step_key, s.group_id)
            > (lane.workflow_id, lane.step_key, lane.group_id)
        ORDER BY s.workflow_id, s.step_key, s.group_id LIMIT 1) after
)
SELECT lane.*, w.slug FROM lane JOIN orchestrator_workflow w ON w.id = lane.workflow_id
"""

# One row for each way in each lane; ``without`` are the actors whose exclusions count.
WAYS: Final = """
way AS MATERIALIZED (
    SELECT workflow, step, grp, most, without::bigint[] FROM unnest(
        %(workflows)s::bigint[], %(steps)s::varchar[], %(groups)s::int[],
        %(limits)s::numeric[], %(without)s::text[]
    ) AS w (workflow, step, grp, most, without)
)
"""

# Counts and values, not EXISTS: the planner could turn that into a scan of the whole table.
# An agent's output that lacks the number which a limit is about is beyond every limit.
DECIDABLE: Final = """
s.state = 'open' AND s.back_at IS NULL
AND s.workflow_id = way.workflow AND s.step_key = way.step AND s.group_id = way.grp
AND NOT s.barred && way.without
AND (cardinality(%(selves)s::bigint[]) = 0 OR (
    SELECT count(*) = 0 FROM orchestrator_attempt a
    WHERE a.task_id = s.task_id AND a.actor_id = ANY(%(selves)s::bigint[])
))
AND (way.most IS NULL OR s.demand <= way.most OR s.demand IS NULL AND (
    SELECT p."limit" = '' OR p.kind = 'human'
    FROM orchestrator_task t JOIN orchestrator_step p ON p.id = t.step_id WHERE t.id = s.task_id
))
"""

TAKEABLE: Final = """
({seat}.back_at IS NULL AND ({seat}.claimed_by_id IS NULL OR {seat}.claimed_by_id = {actor}
    OR {seat}.claim_expires_at <= clock_timestamp())
    AND ({seat}.assigned_to_id IS NULL OR {seat}.assigned_to_id = {actor}))
"""


def first_of_task(seat: str, actor: str) -> str:
    """SQL: of the seats of one task one is enough to see, the first that the actor could take.

    ``seat`` is the name of the row, ``actor`` the place of the actor's id.
    """
    this, other = (TAKEABLE.format(seat=name, actor=actor) for name in (seat, "other"))
    return f"""
    ({seat}.number = 1 AND {this} OR NOT EXISTS (
        SELECT FROM orchestrator_seat other
        WHERE other.task_id = {seat}.task_id AND other.round = {seat}.round
            AND other.purpose = {seat}.purpose AND other.group_id = {seat}.group_id
            AND other.state = 'open' AND other.id <> {seat}.id AND {other}
            AND (other.number < {seat}.number OR NOT {this})
    ))
    """


PAGE: Final = """
WITH {ways}
SELECT DISTINCT first.place, first.id FROM way CROSS JOIN LATERAL (
    SELECT s.id, s.{column} AS place FROM orchestrator_seat s
    WHERE {decidable} AND {after} AND {also} AND {first_of_task}
    ORDER BY s.{column}, s.id LIMIT %(size)s
) AS first
ORDER BY first.place, first.id LIMIT %(size)s
"""


@dataclass(frozen=True, slots=True)
class Narrow:
    """A part of the queue: opened ``before``, a confidence in ``ranks`` (from, below), ``tasks``.

    None is every; a blind seat shows no confidence, so it is in no band.
    """

    before: datetime | None = None
    ranks: tuple[float, float] | None = None
    tasks: Sequence[int] | None = None

    def condition(self) -> tuple[str, dict[str, Any]]:
        """SQL on the seat ``s``, and its values."""
        said: list[str] = []
        values: dict[str, Any] = {}
        if self.before is not None:
            said, values = [*said, "s.created_at <= %(before)s"], values | {"before": self.before}
        if self.ranks is not None:
            said.append("NOT s.blind AND s.rank >= %(least)s AND s.rank < %(below)s")
            values |= dict(zip(("least", "below"), self.ranks, strict=True))
        if self.tasks is not None:
            said.append("s.task_id = ANY(%(tasks)s::bigint[])")
            values["tasks"] = list(self.tasks)
        return " AND ".join(said) or "true", values


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue, as ``SeatQuerySet.queue`` is asked for it."""

    order: str = "due"
    after: tuple[Any, int] | None = None
    size: int = 50
    workflow: int | None = None
    step: str | None = None
    narrow: Narrow = field(default_factory=Narrow)

    def seats(self, held: Standing) -> list[int]:
        """The ids of its seats for whom ``held`` is known, in queue order. Queries twice."""
        also, values = self.narrow.condition()
        values |= served(held, self.workflow, self.step) | {"size": self.size, "actor": held.actor}
        column, beyond = COLUMNS[self.order], "true"
        if self.after is not None:
            beyond = f"(s.{column}, s.id) > (%(place)s, %(id)s)"
            values |= dict(zip(("place", "id"), self.after, strict=True))
        sql = PAGE.format(
            ways=WAYS,
            decidable=DECIDABLE,
            column=column,
            after=beyond,
            also=also,
            first_of_task=first_of_task("s", "%(actor)s"),
        )
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            return [pk for _place, pk in cursor.fetchall()]


NamedLane = tuple[Lane, str]
"""A lane and the slug of its workflow."""


def served(
    held: Standing,
    workflow: int | str | None,
    step: str | None,
    lanes: Iterable[NamedLane] | None = None,
) -> dict[str, Any]:
    """The lanes in which the actor decides, each with its ways, as columns for ``WAYS``.

    ``workflow`` is an id or a slug, ``step`` a key; without them every lane counts. ``lanes``
    are those where seats wait, if the caller has them already.
    """
    rows = [
        (*lane, way.limit, f"{{{','.join(map(str, (held.actor, *way.behind)))}}}")
        for lane, slug in (_named_lanes() if lanes is None else lanes)
        if workflow in (None, lane.workflow, slug) and step in (None, lane.step_key)
        for way in held.ways(lane)
    ]
    names = ("workflows", "steps", "groups", "limits", "without")
    columns = map(list, zip(*dict.fromkeys(rows), strict=True)) if rows else ([] for _ in names)
    return dict(zip(names, columns, strict=True)) | {"selves": list(held.selves)}


def lanes() -> list[Lane]:
    """Every step of a workflow with the group for which open seats wait there."""
    return [lane for lane, _ in _named_lanes()]


def named_lanes(rows: Iterable[Sequence[Any]]) -> list[NamedLane]:
    return [(Lane(*lane), slug) for *lane, slug in rows]


def _named_lanes() -> list[NamedLane]:
    return once("lanes", _read_lanes)


def _read_lanes() -> list[NamedLane]:
    with connection.cursor() as cursor:
        cursor.execute(LANES)
        return named_lanes(cursor.fetchall())
