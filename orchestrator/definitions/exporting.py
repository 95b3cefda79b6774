"""From a version to the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import Any, Final

import yaml
from django.db import models

from orchestrator.definitions import format as file
from orchestrator.models import Actor, DecisionRight, Step, Transition, WorkflowVersion


class Dumper(yaml.SafeDumper):
    """Long texts as blocks, no aliases: a person reads and edits this."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


# Line ends besides \n, which only quotes keep apart.
ODD_ENDS: Final = re.compile("[\r\x85\u2028\u2029]")


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if ODD_ENDS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


def export_version(version: WorkflowVersion) -> str:
    """The version as text that ``import_draft`` makes the same draft of. May query."""
    return written(content(version))


def written(value: Any) -> str:
    """A JSON value as a person reads and edits it; ``definitions.value`` reads it back."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)


def content(version: WorkflowVersion) -> dict[str, Any]:
    """The version as the mapping that its file says. May query."""
    workflow = version.workflow
    steps = list(
        version.steps.select_related("actor__connection")
        .prefetch_related("rights__group", "rights__escalates_to")
        .order_by("position", "pk")
    )
    actors = _actors(step.actor for step in steps if step.actor)
    return _filled(
        {
            "workflow": workflow.slug,
            "name": workflow.name,
            "description": workflow.description,
            "owner": workflow.owner and workflow.owner.get_username(),
            "groups": list(workflow.groups.order_by("name").values_list("name", flat=True)),
            "connections": {
                actor.connection.name: _filled(
                    {"kind": actor.connection.kind, "settings": actor.connection.settings}
                )
                for actor in actors
                if actor.connection
            },
            "actors": {key: _actor(key, actor) for actor, key in actors.items()},
            "accountable": version.accountable and version.accountable.get_username(),
            "notes": version.notes,
            "calendar": version.calendar,
            "signals": version.signals,
            "data": version.data_schema,
            "steps": [_step(step, actors) for step in steps],
            "transitions": [_transition(link) for link in transitions(version)],
        }
    )


def transitions(version: WorkflowVersion) -> list[Transition]:
    """The edges of a version, step by step and in the order they are tried. One query."""
    links = version.transitions.select_related("source", "target")
    return list(links.order_by("source__position", "source_id", "position"))


def _transition(link: Transition) -> dict[str, Any]:
    ends = {"from": link.source.key, "to": link.target.key}
    return ends | ({} if link.condition is None else {"when": link.condition})


def _actors(used: Iterable[Actor]) -> dict[Actor, str]:
    """The actors that take part, each under a key of its own: two revisions share a name."""
    keys: dict[Actor, str] = {}
    for actor in used:
        taken = set(keys.values())
        names = chain((actor.name, str(actor)), (f"{actor.name}-{n}" for n in count(2)))
        keys.setdefault(actor, next(name for name in names if name not in taken))
    return keys


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing; the steps stand there even when there are none yet."""
    empty: tuple[Any, ...] = (None, "", [], {})
    return {key: value for key, value in row.items() if key == "steps" or value not in empty}


def _actor(key: str, actor: Actor) -> dict[str, Any]:
    return _filled(
        {
            "name": actor.name if actor.name != key else "",
            "kind": actor.kind,
            "revision": actor.revision,
            "connection": actor.connection and actor.connection.name,
        }
    )


def _step(step: Step, actors: Mapping[Actor, str]) -> dict[str, Any]:
    rights = [_right(right) for right in step.rights.all()]
    usual = Step()
    return (
        {"key": step.key}
        | _set(step, usual, {"name": "name", "kind": "kind"})
        | ({"actor": actors[step.actor]} if step.actor else {})
        | _set(step, usual, file.STEP)
        | _durations(step, usual, file.STEP_TIMES)
        | ({"rights": rights} if rights else {})
    )


def _right(right: DecisionRight) -> dict[str, Any]:
    groups = {key: getattr(right, column) for key, column in file.RIGHT_GROUPS.items()}
    people = file.PLACES.get(right.mode, 1)
    usual = DecisionRight(seats=people, approvals=people)
    return (
        _set(right, usual, file.RIGHT)
        | {key: group.name for key, group in groups.items() if group}
        | _durations(right, usual, file.RIGHT_TIMES)
    )


def _set(row: models.Model, usual: models.Model, columns: Mapping[str, str]) -> dict[str, Any]:
    """What differs from the usual row, under the file's keys."""
    values = {key: (getattr(row, name), getattr(usual, name)) for key, name in columns.items()}
    return {key: value for key, (value, default) in values.items() if value != default}


def _durations(
    row: models.Model, usual: models.Model, columns: Mapping[str, str]
) -> dict[str, str]:
    return {key: file.duration(value) for key, value in _set(row, usual, columns).items()}
