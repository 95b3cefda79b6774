from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from orchestrator.engine.events import first_breaks, stream_of
from orchestrator.engine.pruning import broken_checkpoints
from orchestrator.models import Case, Workflow

AT_ONCE = 500


class Command(BaseCommand):
    help = (
        "Checks the hash chain of every case and workflow, from where it begins or the checkpoint "
        "under which its beginning was removed; names the first broken link of each."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        chains: list[QuerySet[Any]] = [Workflow.objects.order_by("id"), Case.objects.order_by("id")]
        checked, broken = 0, 0
        for rows in chains:
            for holders in _chunks(rows):
                found = first_breaks(holders)
                checked, broken = checked + len(holders), broken + len(found)
                for stream in filter(found.__contains__, map(stream_of, holders)):
                    self.stdout.write(f"broken: {stream} at {found[stream]}")
        for checkpoint in broken_checkpoints():
            broken += 1
            self.stdout.write(f"broken: checkpoint of {checkpoint}")
        self.stdout.write(f"chains: {checked}, broken: {broken}")
        if broken:
            raise CommandError("The record was altered: see the broken links above.")


def _chunks(rows: QuerySet[Any]) -> Iterator[list[Any]]:
    found = rows.only("seq", "head").iterator(chunk_size=AT_ONCE)
    while some := list(islice(found, AT_ONCE)):
        yield some
