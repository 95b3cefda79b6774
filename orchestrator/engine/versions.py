"""Which version of an agent an output is from, so that the records of two never mix.

A version is what answered, hashed: the kind and the settings of the connection, the model as
the provider named it, prompt, schema and call settings of the step. Each is an Actor row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

import orjson
from django.db import transaction

from orchestrator import authority
from orchestrator.canonical import digest
from orchestrator.connectors import identity
from orchestrator.engine import events
from orchestrator.engine.definition import Definition
from orchestrator.engine.stopping import hold_stop
from orchestrator.exceptions import NotFound
from orchestrator.models import Actor, ActorKind, Attempt, Connection, Debut, Step, Workflow

SHORT: Final = 12
"""Characters of the digest that are the revision of a version's row."""

MOST_KNOWN: Final = 4096

MOST_MODELS: Final = 100
"""Names of models under which one agent may answer at a step that stays as it is."""

_Key = tuple[int, str, bytes, str]
# Rows that are committed, by all that their digest can depend on: a published step is frozen.
_known: dict[_Key, Actor] = {}


class TooManyModels(Exception):
    """An agent names ever new models: no record of it would mean anything."""

    def __init__(self, step: Step) -> None:
        super().__init__(
            f"{step.name} was answered under {MOST_MODELS} names of models already, and this is "
            "another one. Have its connection name the model that answers, or publish a version "
            "that asks another way."
        )


def as_whom(
    definition: Definition, step: Step, model: str, *, over: Connection | None = None
) -> Actor | None:
    """The actor to record an output of this step under; ``over`` is what it came over.

    An agent that answers otherwise than the one the step names is another version: it gets a
    row of its own, and the workflow's owner is told. Runs in the caller's transaction, and
    asks the database only about what this process has not met. Raises TooManyModels.
    """
    named = step.actor
    if named is None or named.kind != ActorKind.AGENT:
        return named
    kind, settings = (over.kind, over.settings) if over else ("", {})
    key = (step.pk, kind, orjson.dumps(settings), model)
    found = _known.get(key)
    if found is None:
        found = _met(definition, step, named, described(step, model, kind, settings))
        transaction.on_commit(partial(_remember, key, found))
    return found


def agent_of(attempt: Attempt) -> str:
    """``name@revision`` of who made an attempt; asks the database once for each."""
    return _name(attempt.actor_id)


@lru_cache(maxsize=MOST_KNOWN)
def _name(actor_id: int) -> str:
    """Who has made an attempt is never renamed."""
    return str(Actor.objects.select_related("user").get(pk=actor_id))


def described(step: Step, model: str, kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What is hashed. The prompt is the agent's own, or else what the step tells its people."""
    told = dict(identity(kind, settings)) if kind else {}
    call = dict(step.call)
    own = [words for words in (call.pop("prompt", ""), told.pop("prompt", "")) if words]
    return {
        "kind": kind,
        "settings": told,
        "model": model,
        "prompt": own[0] if own else step.instructions,
        "call": call,
        "schema": step.schema,
    }


def on_record(step: Step, model: str, *, over: Connection) -> bool:
    """Whether an agent that answers like this has a record at the step. One query."""
    told = described(step, model, over.kind, over.settings)
    rows = Debut.objects.filter(workflow=step.version.workflow_id, step_key=step.key)
    return rows.filter(actor__digest=digest(told)).exists()


def changes(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> list[str]:
    """The members of two definitions that differ; none where one is not known."""
    if before is None or now is None:
        return []
    return [name for name in now if now[name] != before.get(name)]


def acknowledge(debut_id: int, *, actor: Actor) -> Debut:
    """Take note of a version that answered for the first time; once is enough.

    For the workflow's owner and whoever may publish. Raises NotFound and NotAllowed.
    """
    with transaction.atomic():
        debut = Debut.objects.select_related("workflow", "actor").filter(pk=debut_id).first()
        if debut is None or not Workflow.objects.visible_to(actor).filter(pk=debut.workflow_id):
            raise NotFound
        if actor.user is None or debut.workflow.owner_id != actor.user_id:
            authority.require(actor, "publish", debut.workflow)
        workflow, now = events.locked(Workflow, debut.workflow_id)
        rows = Debut.objects.filter(pk=debut.pk, acknowledged_at=None)
        if rows.update(acknowledged_at=now, acknowledged_by=actor):
            _tell(workflow, now, "agent.acknowledged", debut, actor)
    return debut


def _remember(key: _Key, actor: Actor) -> None:
    if len(_known) >= MOST_KNOWN:
        _known.clear()
    _known[key] = actor


def _met(definition: Definition, step: Step, named: Actor, told: dict[str, Any]) -> Actor:
    """The version's row; where it is new to the step, with its debut."""
    found, workflow_id = digest(told), definition.version.workflow_id
    rows = Debut.objects.filter(workflow=workflow_id, step_key=step.key)
    if known := _here(rows, named, found):
        return known
    # A stop holds its locks before it takes the workflow's row, so they come first here too.
    hold_stop(workflow_id)
    workflow, now = events.locked(Workflow, workflow_id)
    if known := _here(rows, named, found):
        return known
    if _models(rows, told) >= MOST_MODELS:
        raise TooManyModels(step)
    actor = _version(named, told, found)
    before = rows.order_by("-at", "-pk").values_list("actor", flat=True).first()
    debut = Debut.objects.create(
        workflow=workflow, step_key=step.key, actor=actor, before_id=before, at=now
    )
    if before is not None:
        _tell(workflow, now, "agent.changed", debut, actor)
    return actor


def _models(rows: Any, told: dict[str, Any]) -> int:
    """Under how many other names of models the same was asked at the step."""
    before = (debut.actor.definition for debut in rows.select_related("actor"))
    return sum(changes(definition, told) == ["model"] for definition in before)


def _here(rows: Any, named: Actor, found: str) -> Actor | None:
    debut = rows.filter(actor__digest=found, actor__name=named.name).select_related("actor").first()
    return debut.actor if debut else None


def _version(named: Actor, told: dict[str, Any], found: str) -> Actor:
    """The row of a version: that of the actor itself if it is its first, or else its own."""
    Actor.objects.filter(pk=named.pk, digest="").update(definition=told, digest=found)
    now = Actor.objects.get(pk=named.pk)
    if now.digest == found:
        return now
    return Actor.objects.get_or_create(
        name=now.name,
        revision=found[:SHORT],
        defaults={
            "kind": now.kind,
            "connection_id": now.connection_id,
            "base": now,
            "definition": told,
            "digest": found,
        },
    )[0]


def _tell(workflow: Workflow, now: datetime, type_: str, debut: Debut, actor: Actor) -> None:
    refs = {"workflow": workflow.pk, "debut": debut.pk, "agent": debut.actor_id}
    if debut.before_id is not None:
        refs["before"] = debut.before_id
    payload = {"step": debut.step_key, "digest": debut.actor.digest}
    events.append(workflow, now, [events.Entry(type_, actor, refs, payload)])
