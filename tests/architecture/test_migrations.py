"""Migrations are complete, named, and lead back."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration

OURS = {"orchestrator", "review", "integrations"}


def migrations() -> list[Migration]:
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    return [row for key, row in loader.disk_migrations.items() if key[0] in OURS]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


@pytest.mark.django_db
def test_every_migration_has_a_name_that_says_what_it_does() -> None:
    assert [row.name for row in migrations() if re.search(r"auto|_\d{8}", row.name)] == []


@pytest.mark.django_db
def test_every_migration_leads_back() -> None:
    stuck = [
        f"{row.app_label}.{row.name}: {operation.describe()}"
        for row in migrations()
        for operation in row.operations
        if not operation.reversible
    ]

    assert stuck == []


@pytest.mark.django_db
def test_later_migrations_neither_drop_nor_rewrite_what_running_code_uses() -> None:
    """An old process goes on for a while after a migration: it must still find its columns."""
    risky = {"RemoveField", "RenameField", "RenameModel", "DeleteModel", "AlterField"}

    found = [
        f"{row.name}: {type(operation).__name__}"
        for row in migrations()
        if not row.initial
        for operation in row.operations
        if type(operation).__name__ in risky
    ]

    assert found == []
