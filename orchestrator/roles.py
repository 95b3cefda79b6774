"""The four role groups and what each may do; who decides a step is said by its rules."""

from __future__ import annotations

from typing import Final

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission

DEFINITION: Final = ("workflow", "workflowversion", "step", "transition", "decisionright")
RUNNING: Final = ("case", "task", "attempt", "routing", "seat", "decision", "incident", "delivery")
RECORD: Final = ("event", "verdict", "correction", "grant")


def _may(verbs: str, models: tuple[str, ...]) -> set[str]:
    return {f"{verb}_{model}" for verb in verbs.split() for model in models}


ROLES: Final[dict[str, set[str]]] = {
    "Workflow owners": _may("view add change delete", DEFINITION[1:])
    | _may("view add change", ("workflow", "actor", "connection"))
    | _may("view", RUNNING)
    | {"add_case", "publish_workflow", "halt_workflow"},
    "Reviewers": {"view_case", "add_case"},
    "Leads": _may("view", DEFINITION + RUNNING)
    | {"add_case", "cancel_case", "resolve_incident", "halt_workflow"},
    "Auditors": _may("view", DEFINITION + RUNNING + RECORD + ("actor", "connection")),
}


def ensure_roles(app: AppConfig) -> None:
    """Give each role what it may do at least; what an administrator added stays."""
    for name, codenames in ROLES.items():
        group, _created = Group.objects.get_or_create(name=name)
        group.permissions.add(
            *Permission.objects.filter(content_type__app_label=app.label, codename__in=codenames)
        )
