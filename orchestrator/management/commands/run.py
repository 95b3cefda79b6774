from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from orchestrator.processes import group
from orchestrator.processes.child import PROJECT
from orchestrator.processes.state import StateError

PROCESSES: Final = {
    "web": group.web,
    "worker": group.worker,
    "timers": group.timers,
    "beat": group.beat,
}


class Command(BaseCommand):
    help = "Becomes one process of the group, for service managers: web, worker, timers or beat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("process", choices=PROCESSES)

    def handle(self, *_: Any, process: str, **__: Any) -> None:
        try:
            settings.HOME.make()
        except StateError as error:
            raise CommandError(str(error)) from error
        become = PROCESSES[process]()
        connections.close_all()
        os.chdir(PROJECT)
        os.execve(become.argv[0], list(become.argv), {**os.environ, **become.environ})
