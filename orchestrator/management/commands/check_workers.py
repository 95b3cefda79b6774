import sys
from typing import Any

from django.core.management.base import BaseCommand

from orchestrator import lifesigns


class Command(BaseCommand):
    help = "Says when timers and workers last reported; exit 1 when one of them is silent."

    def handle(self, *args: Any, **options: Any) -> None:
        signs = lifesigns.signs()
        for process in (lifesigns.TIMERS, lifesigns.WORKER):
            seconds = signs.seconds.get(process)
            said = "never" if seconds is None else f"{seconds:.0f} s ago"
            self.stdout.write(f"{process}: {said}")
        if signs.silent():
            sys.exit(1)
