"""From a version to the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from django.db import models

from orchestrator.definitions import format as file
from orchestrator.models import Actor, DecisionRight, Step, WorkflowVersion


class Dumper(yaml.SafeDumper):
    """Long texts as blocks, no aliases: a person reads and edits this."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, _text)


def export_version(version: WorkflowVersion) -> str:
    """The version as text that ``import_draft`` makes the same draft of. May query."""
    return yaml.dump(
        _content(version), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100
    )


def _content(version: WorkflowVersion) -> dict[str, Any]:
    workflow = version.workflow
    steps = list(version.steps.select_related("actor__connection").prefetch_related("rights"))
    actors = {step.actor.name: step.actor for step in steps if step.actor}
    links = version.transitions.select_related("source", "target").order_by("position")
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
                for actor in actors.values()
                if actor.connection
            },
            "actors": {name: _actor(actor) for name, actor in actors.items()},
            "accountable": version.accountable and version.accountable.get_username(),
            "notes": version.notes,
            "calendar": version.calendar,
            "data": version.data_schema,
            "steps": [_step(step) for step in steps],
            "transitions": [
                {"from": link.source.key, "to": link.target.key}
                | ({} if link.condition is None else {"when": link.condition})
                for link in links
            ],
        }
    )


def _filled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if value not in (None, "", [], {})}


def _actor(actor: Actor) -> dict[str, Any]:
    return _filled(
        {
            "kind": actor.kind,
            "revision": actor.revision,
            "connection": actor.connection and actor.connection.name,
        }
    )


def _step(step: Step) -> dict[str, Any]:
    rights = [_right(right) for right in step.rights.all()]
    return (
        {"key": step.key}
        | _set(step, {"name": "name", "kind": "kind"})
        | ({"actor": step.actor.name} if step.actor else {})
        | _set(step, file.STEP)
        | _durations(step, file.STEP_TIMES)
        | ({"rights": rights} if rights else {})
    )


def _right(right: DecisionRight) -> dict[str, Any]:
    groups = {key: getattr(right, column) for key, column in file.RIGHT_GROUPS.items()}
    return (
        _set(right, file.RIGHT)
        | {key: group.name for key, group in groups.items() if group}
        | _durations(right, file.RIGHT_TIMES)
    )


def _set(row: models.Model, columns: Mapping[str, str]) -> dict[str, Any]:
    """What differs from the column's default, under the file's keys."""
    defaults = type(row)()
    values = {key: (getattr(row, name), getattr(defaults, name)) for key, name in columns.items()}
    return {key: value for key, (value, default) in values.items() if value != default}


def _durations(row: models.Model, columns: Mapping[str, str]) -> dict[str, str]:
    return {key: file.duration(value) for key, value in _set(row, columns).items()}
