"""Each role holds what it names, and nobody but owners may publish."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User

from orchestrator.roles import ROLES, ensure_roles

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ROLES)
def test_a_role_holds_what_it_names(role: str) -> None:
    ensure_roles(apps.get_app_config("orchestrator"))

    held = Group.objects.get(name=role).permissions.values_list("codename", flat=True)
    assert set(held) == ROLES[role]


def test_what_an_administrator_added_stays() -> None:
    core = apps.get_app_config("orchestrator")
    ensure_roles(core)
    reviewers = Group.objects.get(name="Reviewers")
    reviewers.permissions.add(Permission.objects.get(codename="view_event"))

    ensure_roles(core)

    assert reviewers.permissions.filter(codename="view_event").exists()


@pytest.mark.parametrize(
    ("role", "right", "held"),
    [
        ("Workflow owners", "publish_workflow", True),
        ("Leads", "publish_workflow", False),
        ("Leads", "resolve_incident", True),
        ("Reviewers", "cancel_case", False),
        ("Auditors", "change_workflow", False),
    ],
)
def test_a_user_has_the_rights_of_the_role(role: str, right: str, held: bool) -> None:
    ensure_roles(apps.get_app_config("orchestrator"))
    user = User.objects.create_user("bea")
    user.groups.add(Group.objects.get(name=role))

    assert user.has_perm(f"orchestrator.{right}") is held
