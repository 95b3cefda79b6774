"""Count the whole log again."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orchestrator import engine


class Command(BaseCommand):
    help = "Forget what the pages count and count the whole event log again."

    def handle(self, *args: Any, **options: Any) -> None:
        engine.rebuild_counters()
        self.stdout.write("The counters are rebuilt.")
