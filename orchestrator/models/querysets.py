"""The named sets of rows. Whatever is shown to an actor comes through ``visible_to``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from django.db import connection, models
from django.db.models import Exists, OuterRef, Q

from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.standing import SHOWING, Lane, Standing, Way, once, standing

if TYPE_CHECKING:
    from orchestrator.models import Actor, Case, Incident, Seat, Task, Verdict, Workflow  # noqa: F401

BUILT_IN: Final = "changes"
"""The slug of the built-in workflow, which no list shows."""

COLUMNS: Final = {"due": "due_at", "confidence": "rank", "created": "created_at"}
"""The orders of the queue; each has an index."""

Row = TypeVar("Row", bound=models.Model)

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

# Of the seats of one task one is enough to see: the first that the actor could take.
TAKEABLE: Final = """
({seat}.back_at IS NULL AND ({seat}.claimed_by_id IS NULL OR {seat}.claimed_by_id = %(actor)s
    OR {seat}.claim_expires_at <= clock_timestamp()))
"""
FIRST_OF_TASK: Final = f"""
(s.number = 1 AND {TAKEABLE.format(seat="s")} OR NOT EXISTS (
    SELECT FROM orchestrator_seat o
    WHERE o.task_id = s.task_id AND o.round = s.round AND o.purpose = s.purpose
        AND o.group_id = s.group_id AND o.state = 'open' AND o.id <> s.id
        AND {TAKEABLE.format(seat="o")}
        AND (o.number < s.number OR NOT {TAKEABLE.format(seat="s")})
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


class VisibleQuerySet(models.QuerySet[Row]):
    """Rows that belong to a workflow; ``workflow_path`` leads there."""

    workflow_path: ClassVar[str]

    def visible_to(self, actor: Actor) -> Self:
        """Those of the workflows that the actor sees. Queries once, for what it holds now."""
        return self.filter(standing(actor).seen(self.workflow_path))


class WorkflowQuerySet(VisibleQuerySet["Workflow"]):
    workflow_path = "pk"

    def visible_to(self, actor: Actor) -> Self:
        """Also those in which the actor may only start cases; never the built-in one."""
        return self.seen_by(standing(actor))

    def seen_by(self, held: Standing) -> Self:
        """The same for a standing that is known already."""
        seen = held.seen(self.workflow_path, by=SHOWING | {"start"})
        return self.filter(seen).exclude(slug=BUILT_IN)


class CaseQuerySet(VisibleQuerySet["Case"]):
    workflow_path = "workflow"


class TaskQuerySet(VisibleQuerySet["Task"]):
    workflow_path = "case__workflow"


class IncidentQuerySet(VisibleQuerySet["Incident"]):
    workflow_path = "task__case__workflow"


class VerdictQuerySet(VisibleQuerySet["Verdict"]):
    workflow_path = "workflow"


class SeatQuerySet(VisibleQuerySet["Seat"]):
    workflow_path = "workflow"

    def open(self) -> Self:
        return self.filter(state="open")

    def free(self) -> Self:
        """Claimed by nobody, or no longer, on the database's clock, and waiting for nobody."""
        unclaimed = Q(claimed_by=None) | Q(claim_expires_at__lte=ClockTimestamp())
        return self.filter(unclaimed, back_at=None)

    def pended(self) -> Self:
        """Those that somebody waits with for somebody else."""
        return self.filter(state="open", back_at__isnull=False)

    def claimed_by(self, actor: Actor | int) -> Self:
        """Those that the actor, or the one of this id, holds a live claim on."""
        return self.filter(claimed_by=actor, claim_expires_at__gt=ClockTimestamp())

    def for_nobody_but(self, actor: Actor) -> Self:
        """Without those that are assigned to somebody else."""
        return self.filter(Q(assigned_to=None) | Q(assigned_to=actor))

    def for_actor(self, actor: Actor) -> Self:
        """Those that the actor may decide, whoever has claimed them. Queries twice."""
        held = standing(actor)
        found = self.filter(_decidable(held))
        return found.exclude(task__tries__actor__in=held.selves) if held.selves else found

    def one_a_task(self, actor: Actor) -> Self:
        """Of the seats of one task that the actor could take, the first."""
        free = Q(claimed_by=None) | Q(claim_expires_at__lte=ClockTimestamp())
        same = {name: OuterRef(name) for name in ("task", "round", "purpose", "group")}
        lower = self.model.objects.filter(
            free | Q(claimed_by=actor),
            state="open",
            back_at=None,
            number__lt=OuterRef("number"),
            **same,
        )
        return self.filter(Q(number=1) | ~Exists(lower))

    def queue(
        self,
        actor: Actor,
        order: str = "due",
        *,
        after: tuple[Any, int] | None = None,
        size: int = 50,
        workflow: int | None = None,
        step: str | None = None,
        narrow: Narrow | None = None,
    ) -> Self:
        """The first ``size`` open seats that the actor may decide, in queue order.

        Of a task that asks several people one seat is shown, if there is one to take.
        ``after`` is the place of the last one before: its value in the order's column, and its
        id. Queries three times, and its cost does not grow with the queue.
        """
        page = QueuePage(order, after, size, workflow, step, narrow or Narrow())
        return self.filter(pk__in=page.seats(standing(actor))).order_by(COLUMNS[order], "pk")


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
            first_of_task=FIRST_OF_TASK,
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


def _decidable(held: Standing) -> Q:
    """The lanes that the actor serves, those that it serves alike side by side."""
    alike: dict[tuple[Way, ...], list[Lane]] = {}
    for lane in lanes():
        if ways := held.ways(lane):
            alike.setdefault(tuple(ways), []).append(lane)
    places = (
        _any(Q(workflow=lane.workflow, step_key=lane.step_key, group=lane.group) for lane in served)
        & _any(_within(held, way) for way in ways)
        for ways, served in alike.items()
    )
    return _any(places)


def _within(held: Standing, way: Way) -> Q:
    free = ~Q(barred__overlap=[held.actor, *way.behind])
    if way.limit is None:
        return free
    # An agent's output that lacks the number which a limit is about is beyond every limit.
    unlimited = Q(task__step__limit="") | Q(task__step__kind="human")
    return free & (Q(demand__lte=way.limit) | (Q(demand=None) & unlimited))


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(pk__in=()))
