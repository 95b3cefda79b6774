"""manage.py import_workflow FILE: write a definition as its workflow's draft."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator.definitions import import_draft
from orchestrator.exceptions import Invalid


class Command(BaseCommand):
    help = "Write a workflow's definition from a YAML file as its draft."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *_: Any, file: Path, **__: Any) -> None:
        try:
            draft = import_draft(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"Cannot read {file}: {error}") from error
        except Invalid as error:
            raise CommandError(explained(error)) from error
        self.stdout.write(f"Draft: {draft}. Look at it in the admin and publish it there.")


def explained(error: Invalid) -> str:
    places = [f"{row['path'] or '/'}: {row['message']}" for row in error.details["problems"]]
    return "\n".join(places) or error.message
