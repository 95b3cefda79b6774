from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from orchestrator.engine.events import first_break, stream_of
from orchestrator.models import Case, Workflow


class Command(BaseCommand):
    help = "Checks the hash chain of every case and workflow; names the first broken link of each."

    def handle(self, *args: Any, **options: Any) -> None:
        chains: list[QuerySet[Any]] = [Workflow.objects.order_by("id"), Case.objects.order_by("id")]
        checked, broken = 0, 0
        for rows in chains:
            for holder in rows.only("seq", "head").iterator(chunk_size=1000):
                checked += 1
                link = first_break(holder)
                if link is not None:
                    broken += 1
                    self.stdout.write(f"broken: {stream_of(holder)} at {link}")
        self.stdout.write(f"chains: {checked}, broken: {broken}")
        if broken:
            raise CommandError("The record was altered: see the broken links above.")
