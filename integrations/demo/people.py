"""The people of the demo: random passwords, made once and kept for their owner's eyes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils.translation import gettext_noop

TEAMS = ("Refunds team", "Digits team", "Feedback team")


@dataclass(frozen=True, slots=True)
class Person:
    """A login. ``rank`` is what Django itself asks: '', 'staff' or 'superuser'."""

    name: str
    first_name: str
    role: str
    groups: tuple[str, ...]
    rank: str = ""

    def create(self, password: str) -> User:
        user = User.objects.create_user(
            self.name,
            password=password,
            first_name=self.first_name,
            is_staff=bool(self.rank),
            is_superuser=self.rank == "superuser",
        )
        groups = [Group.objects.get_or_create(name=name)[0] for name in (*self.groups, *TEAMS)]
        user.groups.set(groups)
        return user


REVIEWER = ("Reviewers", "Refund reviewers", "Digit reviewers", "Feedback reviewers")

PEOPLE = (
    Person("bea", "Bea", gettext_noop("reviewer"), REVIEWER),
    Person("ben", "Ben", gettext_noop("reviewer"), REVIEWER),
    Person("lea", "Lea", gettext_noop("lead"), ("Leads", "Refund leads")),
    Person("alice", "Alice", gettext_noop("workflow owner"), ("Workflow owners",), rank="staff"),
    Person("cara", "Cara", gettext_noop("auditor"), ("Auditors",)),
    Person("dora", "Dora", gettext_noop("admin"), (), rank="superuser"),
)


def file() -> Path:
    return Path(settings.HOME.path) / "demo" / "logins"


def ensure() -> None:
    """Create who is missing. A password that somebody changed since stays as it is."""
    known = {name: password for name, password, _ in logins()}
    passwords = {p.name: known.get(p.name) or secrets.token_urlsafe(9) for p in PEOPLE}
    write(passwords)
    with transaction.atomic():
        for person in PEOPLE:
            user = User.objects.filter(username=person.name).first()
            if user is None:
                person.create(passwords[person.name])
            elif person.name not in known:
                # The file was lost: what it says from now on must be true.
                user.set_password(passwords[person.name])
                user.save(update_fields=["password"])


def logins() -> list[tuple[str, str, str]]:
    """Name, first password and role of each person, from the file; empty before the first start."""
    if not file().exists():
        return []
    lines = [line.split(maxsplit=2) for line in file().read_text().splitlines()]
    return [(name, password, role) for name, password, role in lines]


def write(passwords: Mapping[str, str]) -> None:
    """Keep the logins whole, where only the owner of the state folder can read them."""
    file().parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{person.name}  {passwords[person.name]}  {person.role}\n" for person in PEOPLE]
    # Each writer has a draft of its own: two at once take nothing from each other.
    with NamedTemporaryFile("w", dir=file().parent, prefix="logins.", delete=False) as draft:
        draft.writelines(lines)
    Path(draft.name).replace(file())
