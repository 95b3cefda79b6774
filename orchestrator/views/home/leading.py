"""The home of a lead: what waits, who is on what, what is late, what cannot go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator.authority import PERMISSIONS
from orchestrator.lately import deciders
from orchestrator.models import Actor, Incident, Seat, Workflow
from orchestrator.models.fields import ClockOnce, ClockTimestamp
from orchestrator.models.queues import lanes
from orchestrator.models.standing import Lane, standing
from orchestrator.pages import incident_text, name_of
from orchestrator.spelling import at_least, number
from orchestrator.views.home.handing import assigned, late
from orchestrator.views.home.owning import step_names
from orchestrator.views.home.parked import deadlines_in
from orchestrator.views.home.sections import SHOWN, Section, listed
from orchestrator.views.incident import ALONG, may_resolve
from orchestrator.waits import unstarted_in, waits_in

COUNTED: Final = 100  # seats that are looked at in one lane; more are "99+"
CLAIMS: Final = 50

# Each lane is read along its own index, the same however many seats wait in it.
WAITING: Final = """
SELECT lane.workflow, lane.step, lane.grp, few.count, few.late, few.more, old.created_at
FROM unnest(%(workflows)s::bigint[], %(steps)s::varchar[], %(groups)s::int[])
    AS lane (workflow, step, grp)
CROSS JOIN LATERAL (
    SELECT count(DISTINCT first.task_id) AS count,
        count(DISTINCT first.task_id) FILTER (WHERE first.due_at < now()) AS late,
        count(*) = %(most)s AS more
    FROM (
        SELECT s.task_id, s.due_at FROM orchestrator_seat s
        WHERE s.state = 'open' AND s.back_at IS NULL AND s.workflow_id = lane.workflow
            AND s.step_key = lane.step AND s.group_id = lane.grp
        ORDER BY s.due_at, s.id LIMIT %(most)s
    ) AS first
) AS few
CROSS JOIN LATERAL (
    SELECT s.created_at FROM orchestrator_seat s
    WHERE s.state = 'open' AND s.back_at IS NULL AND s.workflow_id = lane.workflow
        AND s.step_key = lane.step AND s.group_id = lane.grp
    ORDER BY s.created_at, s.id LIMIT 1
) AS old
ORDER BY few.late DESC, old.created_at
"""


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits at one step for one group, the oldest since ``since``."""

    url: str
    workflow: str
    step: str
    group: str
    count: int
    late: int
    more: bool
    since: datetime


@dataclass(slots=True)
class Load:
    """One person's share: seats held now, the first since ``since``, and decisions today."""

    pk: int
    name: str
    held: int = 0
    late: int = 0
    today: int = 0
    since: datetime | None = None

    @property
    def held_url(self) -> str:
        return link_to(what="held", who=self.pk)

    @property
    def today_url(self) -> str:
        since = f"{_today().astimezone(UTC):%Y-%m-%dT%H:%MZ}"
        return link_to(what="settled", who=self.pk, since=since)


@dataclass(frozen=True, slots=True)
class Held:
    """A seat that somebody has claimed."""

    seat: int
    who: str
    url: str
    case_key: str
    step_name: str
    since: datetime
    late: bool


def lead(actor: Actor, *, incidents: bool) -> Section:
    held = standing(actor)
    places = {
        place.pk: place for place in Workflow.objects.visible_to(actor) if held.sees(place.pk)
    }
    waits, claims = waiting(places), claimed(places)
    people = load(claims, deciders(list(places), _today()))
    trouble = troubles(actor) if incidents else Troubles()
    data = {
        "waits": waits,
        "held": [_held(seat) for seat in claims],
        "late": late(list(places)),
        "assigned": assigned(list(places)),
        "waits_for": waits_in(list(places)),
        "unstarted": unstarted_in(list(places)),
        "deadlines": deadlines_in(places),
        "load": people,
        "incidents": trouble.rows,
        "can_hand": bool(actor.user and actor.user.has_perm(PERMISSIONS["assign"])),
    }
    return Section("lead", _line(waits, people, trouble.late), data=data)


def _line(waits: Sequence[Waits], people: Iterable[Load], overdue: int) -> str:
    trouble = ngettext("%s incident is overdue", "%s incidents are overdue", overdue)
    return listed([*_load_told(waits, people), trouble % number(overdue) if overdue else ""])


def _load_told(waits: Sequence[Waits], people: Iterable[Load]) -> list[str]:
    count, late = sum(row.count for row in waits), sum(row.late for row in waits)
    if not count:
        return [_("nothing waits for your teams")]
    more = any(row.more for row in waits)
    holders = [row for row in people if row.held]
    held = sum(row.held for row in holders)
    return [
        ngettext("%s task waits for your teams", "%s tasks wait for your teams", count)
        % at_least(count, more=more),
        _("%s late") % number(late) if late else "",
        ngettext(
            "%(people)s person works on %(held)s of them",
            "%(people)s people work on %(held)s of them",
            len(holders),
        )
        % {"people": number(len(holders)), "held": number(held)}
        if held
        else "",
    ]


def link_to(**query: object) -> str:
    """The cases behind a number."""
    return reverse("cases", query=query)


def waiting(places: dict[int, Workflow]) -> list[Waits]:
    """Late lanes first, then by age. Four queries."""
    names = step_names(list(places.values()))
    rows = _counts([lane for lane in lanes() if lane.workflow in places])
    groups = dict(Group.objects.filter(pk__in={row[2] for row in rows}).values_list("pk", "name"))
    return [
        Waits(
            url=link_to(what="waiting", workflow=places[workflow].slug, step=step, group=group),
            workflow=places[workflow].name,
            step=names.get((workflow, step), step),
            group=groups[group],
            count=min(count, COUNTED - 1),
            late=min(late, COUNTED - 1),
            more=more,
            since=since,
        )
        for workflow, step, group, count, late, more, since in rows
    ]


def _counts(found: Sequence[Lane]) -> list[tuple[Any, ...]]:
    columns = [list(column) for column in zip(*found, strict=True)] or [[], [], []]
    names = ("workflows", "steps", "groups")
    with connection.cursor() as cursor:
        cursor.execute(WAITING, dict(zip(names, columns, strict=True)) | {"most": COUNTED})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def claimed(places: dict[int, Workflow]) -> list[Seat]:
    """Seats that somebody holds now, the longest held first."""
    live = Seat.objects.open().filter(
        workflow__in=places, claimed_by__isnull=False, claim_expires_at__gt=ClockTimestamp()
    )
    along = ("task__case", "task__step", "claimed_by__user")
    return list(live.select_related(*along).order_by("claimed_at")[:CLAIMS])


def _held(seat: Seat) -> Held:
    return Held(
        seat=seat.pk,
        who=name_of(seat.claimed_by),
        url=reverse("case", args=[seat.task.case_id]),
        case_key=seat.task.case.key,
        step_name=seat.task.step.name,
        since=seat.claimed_at or seat.created_at,
        late=seat.due_at < timezone.now(),
    )


def load(claims: Iterable[Seat], today: dict[int, int]) -> list[Load]:
    """Who holds or has decided something today, the busiest first. One query."""
    known = Actor.objects.select_related("user").in_bulk(list(today))
    rows = {pk: Load(pk, name_of(known[pk]), today=count) for pk, count in today.items()}
    for seat in claims:
        pk = seat.claimed_by_id or 0
        row = rows.setdefault(pk, Load(pk, name_of(seat.claimed_by)))
        row.held += 1
        row.late += seat.due_at < timezone.now()
        row.since = min(filter(None, (row.since, seat.claimed_at)), default=None)
    return sorted(rows.values(), key=lambda row: (-row.held, -row.today, row.name))


def _today() -> datetime:
    return timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)


@dataclass(frozen=True, slots=True)
class Troubles:
    """Open incidents: how many, how many of them are overdue, and the newest as rows."""

    count: int = 0
    late: int = 0
    rows: Sequence[Mapping[str, object]] = ()


def troubles(actor: Actor) -> Troubles:
    """Those that the actor sees; the rows are of some that it may resolve."""
    seen = Incident.objects.visible_to(actor).filter(state="open")
    counts = seen.aggregate(count=Count("pk"), late=Count("pk", filter=Q(due_at__lt=ClockOnce())))
    newest = list(seen.select_related(*ALONG).order_by("-pk")[:SHOWN]) if counts["count"] else []
    return Troubles(**counts, rows=_rows(actor, newest))


def _rows(actor: Actor, newest: Sequence[Incident]) -> list[dict[str, object]]:
    may = may_resolve(actor, newest)
    return [
        {
            "url": reverse("case", args=[incident.task.case_id]) + f"#incident-{incident.pk}",
            "case_key": incident.task.case.key,
            "text": incident_text(incident),
            "at": incident.opened_at,
            "due_at": incident.due_at,
            "late": incident.due_at < timezone.now(),
        }
        for incident in newest
        if may[incident.pk]
    ]
