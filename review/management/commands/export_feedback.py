"""manage.py export_feedback --workflow SLUG: the settled decisions as data."""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from orchestrator.exceptions import Refusal
from review.feedback import (
    FILTERS,
    FORMATS,
    Outgoing,
    Query,
    format_of,
    manifest_line,
    note,
    write_files,
)

TOLD: Final = 10_000


class Command(BaseCommand):
    help = (
        "Write settled decisions to FILE, with FILE.manifest.json beside it, or to standard "
        "output, with the manifest as the last line of standard error. Formats without ids "
        "come with FILE.ids.jsonl."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--workflow", required=True, metavar="SLUG")
        parser.add_argument("--format", choices=FORMATS, default="jsonl")
        parser.add_argument("--since", metavar="CURSOR", help="the cursor of the last export")
        parser.add_argument("--from", metavar="DAY", help="decided on this day (UTC) or later")
        parser.add_argument("--until", metavar="DAY", help="decided on this day or earlier")
        parser.add_argument("--decision", metavar="WORD", help="such as corrected")
        parser.add_argument("--reviewer", metavar="NAME", help="a user name")
        parser.add_argument("--limit", metavar="ROWS")
        parser.add_argument("--out", metavar="FILE", type=Path)

    def handle(self, *_: Any, **options: Any) -> None:
        asked = {name: str(options[name]) for name in FILTERS if options.get(name) is not None}
        try:
            outgoing = Outgoing(options["format"], Query.parse(asked, None))
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        if self.stderr.isatty():
            outgoing.told = self._progress()
        if options["out"] is None:
            self._print(outgoing)
        else:
            self._save(outgoing, options["out"])

    def _progress(self) -> Callable[[int], None]:
        """A line whenever another ``TOLD`` rows are out."""
        thousands = 0

        def tell(rows: int) -> None:
            nonlocal thousands
            if rows // TOLD > thousands:
                thousands = rows // TOLD
                self.stderr.write(f"{rows:,} rows …")

        return tell

    def _save(self, outgoing: Outgoing, path: Path) -> None:
        try:
            manifest = write_files(outgoing, path)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}.") from error
        note(outgoing, actor=None)
        self.stderr.write(f"{outgoing.rows:,} rows in {path}; {manifest} says more.")

    def _print(self, outgoing: Outgoing) -> None:
        if not format_of(outgoing.format).is_text:
            raise CommandError("This format is no text: name a file with --out.")
        try:
            for chunk in outgoing:
                self.stdout.write(chunk.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # `… | head` has read enough; Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        note(outgoing, actor=None)
        self.stderr.write(manifest_line(outgoing).decode(), ending="")
