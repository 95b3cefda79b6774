"""manage.py export_workflow SLUG: print a workflow's definition."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator.definitions import export_version
from orchestrator.models import WorkflowVersion


class Command(BaseCommand):
    help = "Print a workflow's newest version, its draft if it has one, as YAML."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--number", type=int, help="the version, instead of the newest")

    def handle(self, *_: Any, slug: str, number: int | None, **__: Any) -> None:
        versions = WorkflowVersion.objects.filter(workflow__slug=slug).order_by("-number")
        version = (versions if number is None else versions.filter(number=number)).first()
        if version is None:
            raise CommandError(f"There is no such version of a workflow {slug!r}.")
        self.stdout.write(export_version(version), ending="")
