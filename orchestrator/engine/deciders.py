"""Whether there are people for a seat: members of the group, and who holds a Grant to decide."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from orchestrator.models import Actor, Grant, GrantEffect
from orchestrator.models.standing import Lane, standing

MEMBERS: Final = """
SELECT u.id, (SELECT min(a.id) FROM orchestrator_actor a WHERE a.user_id = u.id)
FROM auth_user_groups g JOIN auth_user u ON u.id = g.user_id
WHERE g.group_id = %(group)s AND u.is_active AND NOT EXISTS (
    SELECT FROM orchestrator_actor a WHERE a.user_id = u.id AND (
        a.id = ANY(%(barred)s::bigint[]) OR EXISTS (
            SELECT FROM orchestrator_grant x
            WHERE x.actor_id = a.id AND x.effect = 'exclude' AND x.action = 'decide'
                AND (x.workflow_id IS NULL OR x.workflow_id = %(workflow)s)
                AND x.step_key IN ('', %(step_key)s) AND x.valid @> clock_timestamp()
        )
    )
)
LIMIT %(wanted)s
"""


def are_enough(lane: Lane, wanted: int, barred: list[int]) -> bool:
    """Whether so many different people may decide there. One query where the group has them.

    Whoever stands in for somebody, or was given a right by somebody, is no other person beside
    the one behind it: of these two one counts.
    """
    with connection.cursor() as cursor:
        cursor.execute(MEMBERS, lane._asdict() | {"barred": barred, "wanted": wanted})
        members = cursor.fetchall()
    missing = wanted - len(members)
    if missing <= 0:
        return True
    known = {*barred, *(actor for _, actor in members if actor)}
    return len(list(islice(_others(lane, known), missing))) == missing


def _others(lane: Lane, known: set[int]) -> Iterator[int]:
    """More people, one by one, none of whom is known or acts for somebody who is."""
    for actor in _holders(lane).exclude(pk__in=set(known)):
        ways = standing(actor).ways(lane)
        behind = next((way.behind for way in ways if way.behind.isdisjoint(known)), None)
        if actor.pk not in known and behind is not None:
            known |= {actor.pk, *behind}
            yield actor.pk


def _holders(lane: Lane) -> QuerySet[Actor]:
    """People with a Grant to decide that may cover the lane."""
    grants = Grant.objects.filter(action="decide", effect=GrantEffect.ALLOW)
    grants = grants.filter(Q(workflow=None) | Q(workflow=lane.workflow))
    held = Q(grants__in=grants) | Q(user__groups__grants__in=grants)
    people = Actor.objects.filter(held, user__is_active=True)
    return people.exclude(user__groups=lane.group).order_by("pk").distinct()
