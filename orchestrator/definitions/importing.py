"""From the file to the workflow's draft."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from orchestrator.definitions import format as file
from orchestrator.definitions import reading
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    Actor,
    Connection,
    DecisionRight,
    Step,
    Transition,
    Workflow,
    WorkflowVersion,
)


@transaction.atomic
def import_draft(text: str) -> WorkflowVersion:
    """Write the file as the workflow's draft; one that was there keeps its number and id.

    Makes the workflow, its groups, connections and actors where they are missing. A connection
    that exists keeps its settings, for they belong to the installation; an actor or connection
    that means something else here is refused. Raises Invalid with the place of every problem,
    and then changes nothing.
    """
    content = reading.definition(text)
    workflow = _workflow(content)
    actors = _actors(content)
    draft = _draft(workflow)
    draft.accountable = _user(content, "accountable")
    draft.data_schema = content.get("data", {})
    draft.calendar = content.get("calendar", {})
    draft.signals = content.get("signals", {})
    draft.notes = content.get("notes", "")
    draft.save()
    steps = _steps(draft, content, actors)
    _transitions(draft, content, steps)
    return draft


def _draft(workflow: Workflow) -> WorkflowVersion:
    """The draft that there is, emptied and one edit further, or a new one, not saved."""
    draft = workflow.versions.select_for_update().filter(published_at=None).first()
    if draft is None:
        last = workflow.versions.aggregate(last=Max("number"))["last"] or 0
        return WorkflowVersion(workflow=workflow, number=last + 1)
    draft.steps.all().delete()
    draft.revision += 1
    return draft


def _refuse(path: str, message: str) -> Invalid:
    return Invalid(f"{path}: {message}", problems=[{"path": path, "message": message}])


def _user(content: Mapping[str, Any], key: str) -> User | None:
    if key not in content:
        return None
    try:
        return User.objects.get(username=content[key])
    except User.DoesNotExist as error:
        raise _refuse(
            f"/{key}", _("There is no user %(key)r; create it first.") % {"key": content[key]}
        ) from error


def _group(name: str) -> Group:
    return Group.objects.get_or_create(name=name)[0]


def _workflow(content: Mapping[str, Any]) -> Workflow:
    if content["workflow"] in file.RESERVED:
        raise _refuse(
            "/workflow",
            _("%(workflow)r is the engine's own; choose another.")
            % {"workflow": content["workflow"]},
        )
    columns = {
        "name": content["name"],
        "description": content.get("description", ""),
        "owner": _user(content, "owner"),
    }
    workflow, _made = Workflow.objects.update_or_create(slug=content["workflow"], defaults=columns)
    workflow.groups.set([_group(name) for name in content.get("groups", [])])
    return workflow


def _actors(content: Mapping[str, Any]) -> dict[str, Actor]:
    connections = {
        name: _connection(name, columns) for name, columns in content.get("connections", {}).items()
    }
    return {
        key: _actor(f"/actors/{key}", {"name": key, **columns}, connections)
        for key, columns in content.get("actors", {}).items()
    }


def _connection(name: str, columns: Mapping[str, Any]) -> Connection:
    found, _made = Connection.objects.get_or_create(name=name, defaults=dict(columns))
    if found.kind != columns["kind"]:
        raise _refuse(
            f"/connections/{name}/kind",
            _("A connection %(name)r of kind %(kind)s exists already; choose another name.")
            % {"name": name, "kind": found.kind},
        )
    return found


def _actor(path: str, row: Mapping[str, Any], connections: Mapping[str, Connection]) -> Actor:
    wanted = row.get("connection")
    if wanted is not None and wanted not in connections:
        raise _refuse(
            f"{path}/connection", _("The file has no connection %(wanted)r.") % {"wanted": wanted}
        )
    connection = connections.get(wanted or "")
    found, _made = Actor.objects.get_or_create(
        name=row["name"],
        revision=row.get("revision", ""),
        defaults={"kind": row["kind"], "connection": connection},
    )
    if (found.kind, found.connection) != (row["kind"], connection):
        over = _("over %s") % found.connection if found.connection else _("without a connection")
        raise _refuse(
            path,
            _(
                "%(actor)s exists already: %(kind)s %(over)s. "
                "Who changes is a new revision: give this one another."
            )
            % {"actor": found, "kind": found.get_kind_display(), "over": over},
        )
    return found


def _steps(
    draft: WorkflowVersion, content: Mapping[str, Any], actors: Mapping[str, Actor]
) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for position, row in enumerate(content["steps"], start=1):
        path = f"/steps/{position - 1}"
        if row["key"] in steps:
            raise _refuse(
                f"{path}/key", _("Another step is called %(key)r already.") % {"key": row["key"]}
            )
        if "actor" in row and row["actor"] not in actors:
            raise _refuse(
                f"{path}/actor", _("The file has no actor %(actor)r.") % {"actor": row["actor"]}
            )
        steps[row["key"]] = step = Step.objects.create(
            version=draft,
            key=row["key"],
            position=position,
            actor=actors.get(row.get("actor", "")),
            **{column: row[key] for key, column in file.STEP.items() if key in row},
            **_times(row, file.STEP_TIMES),
        )
        _rights(step, f"{path}/rights", row.get("rights", []))
    return steps


def _rights(step: Step, path: str, rows: list[Mapping[str, Any]]) -> None:
    for position, row in enumerate(rows, start=1):
        people = file.PLACES.get(row["mode"], 1)
        columns = {"seats": people, "approvals": people}
        columns |= {column: row[key] for key, column in file.RIGHT.items() if key in row}
        if columns["approvals"] > columns["seats"]:
            place = f"{path}/{position - 1}/approvals"
            raise _refuse(place, _("Ask for no more approvals than there are seats."))
        DecisionRight.objects.create(
            step=step,
            position=position,
            **columns,
            **_times(row, file.RIGHT_TIMES),
            **{column: _group(row[key]) for key, column in file.RIGHT_GROUPS.items() if key in row},
        )


def _times(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, int]:
    return {column: file.seconds(row[key]) for key, column in columns.items() if key in row}


def _transitions(
    draft: WorkflowVersion, content: Mapping[str, Any], steps: Mapping[str, Step]
) -> None:
    for index, row in enumerate(content.get("transitions", [])):
        for end in ("from", "to"):
            if row[end] not in steps:
                raise _refuse(
                    f"/transitions/{index}/{end}",
                    _("There is no step %(end)r.") % {"end": row[end]},
                )
        Transition.objects.create(
            version=draft,
            source=steps[row["from"]],
            target=steps[row["to"]],
            position=index + 1,
            condition=row.get("when"),
        )
