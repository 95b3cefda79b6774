"""manage.py export_events --format ocel2|xes: the log of events for process mining tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestrator.mining import FORMATS, Names, Selection, save, traces
from orchestrator.models import Workflow

TOLD: Final = 10_000


class Command(BaseCommand):
    help = (
        "Write the events of live cases to FILE or standard output, for process mining. People "
        "are numbers, as person-12, and cases have no keys unless --names asks for them."
    )
    events = 0

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=FORMATS, required=True)
        parser.add_argument("--workflow", metavar="SLUG", help="instead of all")
        parser.add_argument(
            "--from", metavar="DAY", help="cases started on this day (UTC) or later"
        )
        parser.add_argument("--until", metavar="DAY", help="cases started on this day or earlier")
        parser.add_argument("--names", action="store_true", help="user names and the cases' keys")
        parser.add_argument("--out", metavar="FILE", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        days = (_day(options["from"], "--from"), _day(options["until"], "--until"))
        found = traces(Selection(_workflow(options["workflow"]), *days))
        self.events = 0
        pieces = self._counted(FORMATS[options["format"]](found, Names(options["names"])))
        if options["out"] is None:
            self._print(pieces)
        else:
            self._save(pieces, options["out"])

    def _counted(self, pieces: Iterator[tuple[str, int]]) -> Iterator[str]:
        """On a terminal, a line whenever another ``TOLD`` events are out."""
        for text, events in pieces:
            before, self.events = self.events, self.events + events
            if self.events // TOLD > before // TOLD and self.stderr.isatty():
                self.stderr.write(f"{self.events:,} events …")
            yield text

    def _save(self, pieces: Iterator[str], path: Path) -> None:
        try:
            save(pieces, path)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}.") from error
        self.stderr.write(f"{self.events:,} events in {path}.")

    def _print(self, pieces: Iterator[str]) -> None:
        try:
            for text in pieces:
                self.stdout.write(text, ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # `… | head` has read enough; Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _workflow(slug: str | None) -> Workflow | None:
    if slug is None:
        return None
    found = Workflow.objects.filter(slug=slug).first()
    if found is None:
        raise CommandError(f"There is no workflow {slug!r}.")
    return found


def _day(text: str | None, option: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandError(f"{option} wants a day, as 2026-01-31.") from error
