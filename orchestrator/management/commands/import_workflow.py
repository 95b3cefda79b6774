"""manage.py import_workflow FILE [--create-groups]: write a definition as its workflow's draft."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from orchestrator.definitions import definition, import_draft
from orchestrator.definitions.groups import unknown_groups
from orchestrator.exceptions import Invalid


class Command(BaseCommand):
    help = "Write a workflow's definition from a YAML file as its draft."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--create-groups", action="store_true", help="make the groups that do not exist yet"
        )

    def handle(self, *_: Any, file: Path, create_groups: bool, **__: Any) -> None:
        try:
            text = file.read_text(encoding="utf-8")
            if not create_groups:
                self._require_groups(text)
            draft = import_draft(text)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"Cannot read {file}: {error}") from error
        except Invalid as error:
            raise CommandError(explained(error)) from error
        place = reverse("admin:orchestrator_workflowversion_change", args=[draft.pk])
        self.stdout.write(
            f"Draft: {draft}. Look at it and publish it: {settings.REWIRE_URL}{place}"
        )

    def _require_groups(self, text: str) -> None:
        """Raises CommandError where the file names a group that does not exist."""
        if problems := unknown_groups(definition(text)):
            lines = [f"{problem.path}: {problem.message}" for problem in problems]
            raise CommandError("\n".join([*lines, "To make them, add --create-groups."]))


def explained(error: Invalid) -> str:
    places = [f"{row['path'] or '/'}: {row['message']}" for row in error.details["problems"]]
    return "\n".join(places) or error.message
