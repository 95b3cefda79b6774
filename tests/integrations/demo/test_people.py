from __future__ import annotations

import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from pytest_django import Settings

from integrations.demo import people

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Settings) -> None:
    settings.HOME = type(settings.HOME).at(tmp_path)


def test_everybody_can_sign_in_with_what_the_file_says_and_only_its_owner_reads_it() -> None:
    people.ensure()

    assert stat.S_IMODE(people.file().stat().st_mode) == 0o600
    assert [(name, role) for name, _, role in people.logins()] == [
        ("bea", "reviewer"),
        ("ben", "reviewer"),
        ("lea", "lead"),
        ("alice", "workflow owner"),
        ("cara", "auditor"),
        ("dora", "admin"),
    ]
    for name, password, _ in people.logins():
        assert authenticate(username=name, password=password) is not None


def test_only_dora_administers_and_alice_may_enter_the_admin() -> None:
    people.ensure()

    staff = User.objects.filter(is_staff=True).order_by("username")
    assert [(user.username, user.is_superuser) for user in staff] == [
        ("alice", False),
        ("dora", True),
    ]


def test_a_second_start_changes_nothing() -> None:
    people.ensure()
    before = people.file().read_text()
    bea = User.objects.get(username="bea")
    bea.set_password("her own, chosen later")
    bea.save()

    people.ensure()

    assert people.file().read_text() == before
    assert authenticate(username="bea", password="her own, chosen later") == bea
    assert User.objects.count() == len(people.PEOPLE)


def test_a_lost_file_gives_everybody_a_new_password() -> None:
    people.ensure()
    people.file().unlink()

    people.ensure()

    name, password, _ = people.logins()[0]
    assert authenticate(username=name, password=password) is not None
