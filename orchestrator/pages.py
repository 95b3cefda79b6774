"""What pages show of the record: moments of a timeline, who did it, tries and their figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from django.contrib.auth.models import AbstractBaseUser, User
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import narration
from orchestrator.explaining import joins_told, table_told
from orchestrator.models import (
    Actor,
    ActorKind,
    Attempt,
    Decision,
    Event,
    Inbound,
    Incident,
    Routing,
    Seat,
    Task,
)
from orchestrator.spelling import number
from orchestrator.telling import message_told, reason_at, reason_of
from orchestrator.templatetags.rewire import place
from orchestrator.whereabouts import branch_of
from orchestrator.wording import shown

CHANGES: Final = 10
"""Places that a signal changed, which one moment tells."""

# ref of an event -> the table it points into, and what is read along
REFERRED: Final[Mapping[str, tuple[type[models.Model], tuple[str, ...]]]] = {
    "task": (Task, ("step", "compensates__step")),
    "attempt": (Attempt, ("actor__user",)),
    "seat": (Seat, ("group",)),
    "decision": (Decision, ()),
    "routing": (Routing, ()),
    "incident": (Incident, ()),
    "person": (Actor, ("user",)),
    "inbound": (Inbound, ()),
}


# type of event -> the ref whose row says more about it
TOLD_BY: Final[Mapping[str, str]] = {
    "attempt.finished": "attempt",
    "attempt.failed": "attempt",
    "decision.made": "decision",
    "output.routed": "routing",
    "incident.opened": "incident",
    "incident.resolved": "incident",
    "signal.received": "inbound",
}


RESOLUTIONS: Final[Mapping[str, str]] = {
    "retried": gettext_noop("retried"),
    "skipped": gettext_noop("skipped"),
    "cancelled": gettext_noop("cancelled"),
    "handed_over": gettext_noop("handed over"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a timeline."""

    at: datetime
    icon: str
    tone: str
    who: str
    text: str
    detail: str = ""


def person(user: AbstractBaseUser | None) -> str:
    """A person's name as colleagues know it, a dash for nobody."""
    if user is None:
        return "–"
    return cast("User", user).get_full_name() or user.get_username()


def name_of(actor: Actor | None) -> str:
    """Who an actor is on a page. Queries unless ``user`` was read along."""
    if actor is None:
        return ""
    if actor.kind == ActorKind.POLICY:
        return _("The rules of version %s") % actor.revision
    return person(actor.user) if actor.user else str(actor)


def moments(events: Iterable[Event], *, blind_task: int | None = None) -> list[Moment]:
    """Events in words, in their order; at most one query for each table they refer to.

    Of ``blind_task`` no confidence is told.
    """
    events = list(events)
    rows = {name: _referred(name, events) for name in REFERRED}
    settled = {event.refs.get("task") for event in events if event.type == "task.settled"}
    tasks = cast("Mapping[int, Task]", rows["task"])
    joins = joins_told(task for pk, task in tasks.items() if pk in settled)
    return [_moment(event, _of(event, rows, joins), blind_task) for event in events]


def _referred(name: str, events: Sequence[Event]) -> Mapping[int, models.Model]:
    model, along = REFERRED[name]
    ids = {event.refs[name] for event in events if name in event.refs}
    if not ids:
        return {}
    found: models.QuerySet[models.Model] = models.QuerySet(model)
    return (found.select_related(*along) if along else found).in_bulk(ids)


def _of(
    event: Event, rows: Mapping[str, Mapping[int, models.Model]], joins: Mapping[int, str]
) -> dict[str, Any]:
    """The rows that one event refers to, by name of the ref; of a join, what came to it."""
    found: dict[str, Any] = {
        name: rows[name].get(pk) for name, pk in event.refs.items() if name in rows
    }
    return found | {"joined": joins.get(event.refs.get("task", 0), "")}


def _moment(event: Event, row: Mapping[str, Any], blind_task: int | None) -> Moment:
    task = row.get("task")
    words = narration.words_for(event.type, task.step.kind if task else "")
    told, icon, tone = words.text, words.icon, words.tone
    if event.type == "decision.made" and row.get("decision"):
        told, icon, tone = _deed(row["decision"])
    text = _(told).format(type=event.type, **_names(event, row))
    blind = blind_task is not None and event.refs.get("task") == blind_task
    tried = row.get("attempt")
    who = name_of(tried.actor if tried else event.actor) if words.acted else ""
    return Moment(event.at, icon, tone, who, text, _detail(event, row, blind=blind))


def _deed(decision: Decision) -> tuple[str, str, str]:
    return narration.SENT_BACK if "sent_back" in decision.proof else narration.DEEDS[decision.word]


def _names(event: Event, row: Mapping[str, Any]) -> dict[str, str]:
    task, seat, routing = (row.get(name) for name in ("task", "seat", "routing"))
    outcome = event.payload.get("outcome")
    return {
        "step": _step(task) if task else _("the step"),
        "group": seat.group.name if seat else _("a person"),
        "person": name_of(row["person"]) if row.get("person") else _("a person"),
        "way": _(narration.WAYS[routing.action]) if routing else _("a rule was looked for"),
        "outcome": f": {outcome}" if outcome else "",
        "number": str(event.payload.get("number", "")),
        "signal": _("“%s”") % event.payload.get("name", ""),
    }


def _step(task: Task) -> str:
    if branch := branch_of(task):
        return _("“%(step)s” (%(branch)s)") % {"step": task.step.name, "branch": branch}
    return _("“%s”") % task.step.name


def _detail(event: Event, row: Mapping[str, Any], *, blind: bool) -> str:
    """What stands below the sentence: figures, words or a reason, from the row that has them."""
    match row.get(TOLD_BY.get(event.type, "")):
        case Attempt() as attempt:
            return table_told(attempt) or attempt_line(attempt, blind=blind)
        case Decision(comment=comment):
            return comment
        case Routing() as routing:
            return reason_of(routing)
        case Incident() as incident:
            opened = event.type == "incident.opened"
            return incident_text(incident) if opened else resolution_text(incident)
        case Inbound() as inbound:
            return changed_by(inbound)
    return str(event.payload.get("reason", "")) or _aside(event, row)


def _aside(event: Event, row: Mapping[str, Any]) -> str:
    """What a new task undoes; which branches came to a join."""
    task = row.get("task")
    if event.type == "task.opened" and task and task.compensates:
        return _("It undoes %s.") % _step(task.compensates)
    return str(row["joined"]) if event.type == "task.settled" else ""


def changed_by(inbound: Inbound) -> str:
    """What a signal wrote into the case file: "address: Paris, was Berlin"."""
    changes = (inbound.answer or {}).get("changes", [])
    told = (_change(row) for row in changes[:CHANGES])
    return "; ".join([*told, *(["…"] if len(changes) > CHANGES else [])])


def _change(row: Mapping[str, Any]) -> str:
    said = {"place": place(row["path"]), "now": shown(row["after"]), "before": shown(row["before"])}
    if row["op"] == "add":
        return _("%(place)s: %(now)s") % said
    return _("%(place)s: %(now)s, was %(before)s") % said


def resolution_text(incident: Incident) -> str:
    """How an incident ended, and the reason that was given."""
    ended = RESOLUTIONS.get(incident.resolution, incident.resolution)
    said = (_(ended) if ended else "", incident.reason)
    return " · ".join(filter(None, said))


def paragraphs(text: str) -> list[str]:
    """A longer text without the line ends that its writer's editor made."""
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def attempt_line(attempt: Attempt, *, blind: bool = False) -> str:
    """One try in figures: its error or its confidence, then time, tokens, cost and model."""
    figures = (
        error_text(attempt.error) if attempt.error else "",
        ""
        if blind or attempt.confidence is None
        else _("confidence %s") % number(attempt.confidence, 2),
        "" if attempt.latency_ms is None else _("%s ms") % number(attempt.latency_ms),
        tokens(attempt.tokens_in, attempt.tokens_out),
        money(attempt.cost_micros, attempt.currency),
        attempt.model,
    )
    return " · ".join(filter(None, figures))


def money(micros: int | None, currency: str) -> str:
    """What something cost, "" for nothing known."""
    return "" if micros is None else _("cost %s") % amount(micros, currency)


def amount(micros: int | None, currency: str) -> str:
    """Millionths with up to six decimals, "" for nothing known."""
    if micros is None:
        return ""
    decimals = len(f"{micros % 1_000_000:06}".rstrip("0"))
    return f"{number(micros / 1_000_000, decimals)} {currency}".rstrip()


def tokens(read: int | None, written: int | None) -> str:
    """How many tokens an agent read and wrote, "" where neither is known."""
    parts = (
        "" if read is None else _("%s tokens in") % number(read),
        "" if written is None else _("%s tokens out") % number(written),
    )
    return ", ".join(filter(None, parts))


def error_text(error: Any, reason: Callable[[str], str] | None = None) -> str:
    """The sentence in a stored error: ``{message}`` or ``{kind}``, whatever a connector gave."""
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or error.get("kind")
    return message_told(str(error or ""), reason)


def incident_text(incident: Incident) -> str:
    """What an incident says. In another language it may query, for a reason that it quotes."""
    return error_text(incident.detail, reason_at(incident.task_id)) or incident.trouble
