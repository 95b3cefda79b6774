"""manage.py prune_events: remove months of events and inbound messages under retention."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from orchestrator.engine.pruning import held_by, prune
from orchestrator.exceptions import Refusal
from orchestrator.models.partitions import months_ago, months_before


class Command(BaseCommand):
    help = (
        "Drop the months of events and inbound messages before a month, oldest first. Refuses "
        "while a case from then is open or was closed only lately."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        bound = parser.add_mutually_exclusive_group(required=True)
        bound.add_argument("--before", metavar="YYYY-MM", help="the first month that stays")
        bound.add_argument(
            "--keep",
            type=int,
            metavar="MONTHS",
            help="so many months stay, and more where an older case holds them",
        )
        parser.add_argument("--closed-for", type=int, default=30, metavar="DAYS")
        parser.add_argument("--out", type=Path, metavar="FOLDER", help="write them there first")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        closed_for = timedelta(days=options["closed_for"])
        if options["before"]:
            bound = _month(options["before"])
        else:
            bound = self._kept(options["keep"], closed_for)
        try:
            if options["dry_run"]:
                self._tell(bound, closed_for)
            else:
                self._prune(bound, closed_for, options["out"])
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal

    def _kept(self, months: int, closed_for: timedelta) -> date:
        if months < 1:
            raise CommandError("--keep wants at least 1 month.")
        bound = months_ago(datetime.now(UTC).date(), months)
        case = held_by(bound, closed_for)
        if case is None:
            return bound
        self.stdout.write(f"Case {case.pk} ({case.key}) holds {case.created_at:%Y-%m} and later.")
        return case.created_at.date().replace(day=1)

    def _tell(self, bound: date, closed_for: timedelta) -> None:
        months = months_before(bound)
        for month in months:
            about = f"about {month.rows:,.0f} rows, " if month.rows >= 0 else ""
            self.stdout.write(f"{month.start:%Y-%m} {month.table}: {about}{month.size:,} bytes")
        if not months:
            self.stdout.write(f"Nothing lies before {bound:%Y-%m}.")
        if case := held_by(bound, closed_for):
            self.stdout.write(f"held by case {case.pk} ({case.key}) of {case.created_at:%Y-%m-%d}")

    def _prune(self, bound: date, closed_for: timedelta, folder: Path | None) -> None:
        if folder and not folder.is_dir():
            raise CommandError(f"{folder} is no folder.")
        done = None
        for done in prune(bound, closed_for=closed_for, folder=folder):
            name = f"{done.month:%Y-%m} {done.table}"
            self.stdout.write(f"{name}: {done.rows:,} rows {done.sha256 or 'not kept'}")
        if done is None:
            self.stdout.write(f"Nothing lies before {bound:%Y-%m}.")


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise CommandError("--before wants a month, as 2026-01.") from error
