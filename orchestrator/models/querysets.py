"""The named sets of rows. Whatever is shown to an actor comes through ``visible_to``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self, TypeVar

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.queues import COLUMNS, Narrow, QueuePage, first_of_task, lanes
from orchestrator.models.standing import SHOWING, Lane, Standing, Way, standing

if TYPE_CHECKING:
    from orchestrator.models import Actor, Case, Incident, Seat, Task, Verdict, Workflow  # noqa: F401

BUILT_IN: Final = "changes"
"""The slug of the built-in workflow, which no list shows."""

Row = TypeVar("Row", bound=models.Model)


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
        """Of the seats of one task the first that the actor could take. Not inside of a query."""
        sql = first_of_task("orchestrator_seat", "%s")
        actors = (actor.pk,) * sql.count("%s")
        return self.filter(RawSQL(sql, actors, models.BooleanField()))  # noqa: S611 constant

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
