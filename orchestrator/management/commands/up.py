from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator.processes.group import run_group
from orchestrator.processes.state import StateError


class Command(BaseCommand):
    help = "Runs the whole process group: servers, web, worker, timers, beat. Ctrl-C stops it."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_group()
        except StateError as error:
            raise CommandError(str(error)) from error
