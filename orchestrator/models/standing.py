"""What an actor holds at this moment: groups, Grants, and the workflows it sees.

A delegated Grant holds while every Grant above it does and within all their limits, and what
is withheld from whoever delegated is withheld from it. A Grant to decide that stands in for
somebody holds while that actor could decide by itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from django.db import connection
from django.db.models import Q

from orchestrator.models.grants import Held, Link, largest, least

if TYPE_CHECKING:
    from orchestrator.models.actors import Actor

Found = TypeVar("Found")

SHOWING: Final = frozenset({"view", "decide"})

# Twenty links above a Grant are followed; what hangs deeper is not valid.
LOAD: Final = """
WITH RECURSIVE holder AS (
    SELECT a.id, a.kind, a.name, a.user_id, u.is_active, u.is_superuser,
        ARRAY(SELECT group_id FROM auth_user_groups WHERE user_id = a.user_id) AS groups
    FROM orchestrator_actor a LEFT JOIN auth_user u ON u.id = a.user_id
    WHERE {which}
), link AS (
    SELECT h.id AS holder, g.id AS top, 0 AS depth, g.*
    FROM holder h JOIN orchestrator_grant g ON g.actor_id = h.id OR g.group_id = ANY(h.groups)
    UNION ALL
    SELECT l.holder, l.top, l.depth + 1, g.*
    FROM link l JOIN orchestrator_grant g ON g.id = l.parent_id WHERE l.depth < 20
)
SELECT h.id, clock_timestamp(),
    COALESCE(h.is_active, true), COALESCE(h.is_superuser, false), h.groups,
    ARRAY(
        SELECT id FROM orchestrator_workflow WHERE owner_id = h.user_id
        UNION SELECT workflow_id FROM orchestrator_workflow_groups WHERE group_id = ANY(h.groups)
    ),
    CASE WHEN h.kind = 'human' THEN '{{}}'
        ELSE ARRAY(SELECT id FROM orchestrator_actor WHERE name = h.name) END,
    (SELECT jsonb_agg(jsonb_build_array(
            top, effect, action, limits, workflow_id, step_key, actor_id, stands_in_for_id,
            may_delegate, valid @> clock_timestamp(), depth < 20 OR parent_id IS NULL
        ) ORDER BY top, depth)
    FROM link WHERE link.holder = h.id){more}
FROM holder h
"""

# For one actor PostgreSQL keeps the plan; for an array of unknown size it plans every time.
ONE: Final = LOAD.format(which="a.id = %s", more="")
SEVERAL: Final = LOAD.format(which="a.id = ANY(%s)", more="")


COLUMNS: Final = 8
"""How many columns say what an actor holds."""


class Lane(NamedTuple):
    """Where seats queue up: a step of a workflow, and the group that decides."""

    workflow: int
    step_key: str
    group: int


@dataclass(frozen=True, slots=True)
class Way:
    """By what an actor decides in a lane: its group (no ``grant``) or a Grant.

    ``limit``: the largest Seat.demand, None without bound. ``behind``: Held.behind.
    """

    grant: int | None
    limit: Decimal | None
    behind: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Standing:
    """What one actor holds at ``at``, on the database's clock. ``selves``: its revisions."""

    actor: int
    at: datetime
    active: bool
    superuser: bool
    groups: frozenset[int]
    workflows: frozenset[int]
    selves: tuple[int, ...]
    allowed: tuple[Held, ...]
    withheld: tuple[Link, ...]
    others: Mapping[int, Standing] = field(default_factory=dict)

    def sees(self, workflow: int) -> bool:
        """Whether the workflow and all in it may be shown to the actor."""
        everything, shown, hidden = self._sight()
        if not self.active or hidden & {None, workflow}:
            return False
        return everything or workflow in shown

    def seen(self, path: str, by: frozenset[str] = SHOWING) -> Q:
        """The same as a condition on the rows whose workflow is at ``path``."""
        everything, shown, hidden = self._sight(by)
        if not self.active or None in hidden:
            return Q(pk__in=())
        found = Q() if everything else Q((f"{path}__in", sorted(shown)))
        return found & ~Q((f"{path}__in", list(hidden))) if hidden else found

    def _sight(
        self, by: frozenset[str] = SHOWING
    ) -> tuple[bool, frozenset[int], frozenset[int | None]]:
        """Whether everything is shown; which workflows are; which are hidden all the same."""
        places = [held.places for held in self.allowed if held.action in by]
        granted = {only for only, *more in filter(None, places) if not more}
        hidden = [link for link in self.withheld if link.action == "view" and not link.step_key]
        return (
            self.superuser or frozenset() in places,
            self.workflows | granted,
            frozenset(link.workflow for link in hidden),
        )

    def granted(self, action: str, workflow: int | None, step_key: str = "") -> Held | None:
        """A Grant of this action that covers the place, if the actor holds one."""
        found = (held for held in self.allowed if held.action == action)
        return next((held for held in found if held.covers(workflow, step_key)), None)

    def excluded(self, action: str, workflow: int | None, step_key: str = "") -> bool:
        return any(
            link.action == action and link.covers(workflow, step_key) for link in self.withheld
        )

    def ways(self, lane: Lane) -> list[Way]:
        """By what the actor decides in a lane, whatever the seat; empty where it does not."""
        if not self.active or not self.sees(lane.workflow):
            return []
        if self.excluded("decide", lane.workflow, lane.step_key):
            return []
        return [*self._own(lane), *self._granted(lane)]

    def _own(self, lane: Lane) -> list[Way]:
        """By the rule's group. Own Grants with limits bound it; the largest counts."""
        if lane.group not in self.groups:
            return []
        own = [held for held in self._deciding(lane) if not held.behind]
        return [Way(None, largest(held.limit for held in own))]

    def _granted(self, lane: Lane) -> list[Way]:
        ways = (self._way(held, lane) for held in self._deciding(lane))
        return [way for way in ways if way]

    def _deciding(self, lane: Lane) -> list[Held]:
        place = (lane.workflow, lane.step_key)
        return [held for held in self.allowed if held.action == "decide" and held.covers(*place)]

    def _way(self, held: Held, lane: Lane) -> Way | None:
        # Those of the others are not loaded: nobody stands in for somebody who stands in.
        if not held.behind <= self.others.keys():
            return None
        others = [self.others[actor] for actor in held.behind]
        if any(other.excluded("decide", lane.workflow, lane.step_key) for other in others):
            return None
        limits = [held.limit]
        if held.stands_in_for is not None:
            ways = self.others[held.stands_in_for].ways(lane)
            if not ways:
                return None
            limits.append(largest(way.limit for way in ways))
        return Way(held.grant, least(limits), held.behind)


_KNOWN: Final[ContextVar[dict[int | str, Any] | None]] = ContextVar("known", default=None)


@contextmanager
def standing_once() -> Iterator[None]:
    """What an actor holds and where seats wait is read once until the end: for pages that show
    and do nothing.
    """
    before = _KNOWN.set({})
    try:
        yield
    finally:
        _KNOWN.reset(before)


def standing(actor: Actor) -> Standing:
    """What the actor holds now: one query, two where something was delegated to it."""
    return once(actor.pk, lambda: _read(actor))


def once(what: int | str, read: Callable[[], Found]) -> Found:
    """What ``read`` finds, within ``standing_once`` asked a single time. Shared: not to change."""
    known = _KNOWN.get()
    if known is None:
        return read()
    if what not in known:
        known[what] = read()
    found: Found = known[what]
    return found


def _read(actor: Actor) -> Standing:
    return _with_others(_load(ONE, actor.pk)[actor.pk])


class Beside:
    """What an actor holds, and more columns in the same query: ``, now(), %s``."""

    def __init__(self, columns: str) -> None:
        self.sql = LOAD.format(which="a.id = %s", more=columns)

    def read(self, actor: Actor, *values: Any) -> tuple[Standing, tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(self.sql, [actor.pk, *values])
            row = cursor.fetchone()
        return _with_others(_standing(row[:COLUMNS])), row[COLUMNS:]


def _with_others(own: Standing) -> Standing:
    behind = {other for held in own.allowed for other in held.behind}
    if not behind:
        return own
    return replace(own, others=_load(SEVERAL, sorted(behind)))


def _load(sql: str, which: int | list[int]) -> dict[int, Standing]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [which])
        return {row[0]: _standing(row) for row in cursor.fetchall()}


def _standing(row: tuple[Any, ...]) -> Standing:
    actor, at, active, superuser, groups, workflows, selves, links = row
    chains = _chains(links)
    return Standing(
        actor=actor,
        at=at,
        active=active,
        superuser=superuser,
        groups=frozenset(groups),
        workflows=frozenset(workflows),
        selves=tuple(selves),
        allowed=tuple(held for held in chains if held.links[0].effect == "allow" and held.holds()),
        withheld=tuple(
            first
            for first, *_ in (held.links for held in chains)
            if first.effect == "exclude" and first.valid
        ),
    )


def _chains(links: str | None) -> list[Held]:
    rows = [Link(*row) for row in json.loads(links, parse_float=Decimal)] if links else []
    return [Held(tuple(chain)) for _top, chain in groupby(rows, key=lambda link: link.top)]
