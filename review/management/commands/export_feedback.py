"""manage.py export_feedback --workflow SLUG: the settled decisions as data."""

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orchestrator.exceptions import Refusal
from review.feedback import FILTERS, FORMATS, Export, Query, manifest_line, write_files


class Command(BaseCommand):
    help = (
        "Write settled decisions to FILE, with FILE.manifest.json beside it, or to standard "
        "output, with the manifest as the last line of standard error."
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
            export = Export(options["format"], Query.parse(asked, None))
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        if options["out"] is None:
            self._print(export)
        else:
            self._save(export, options["out"])

    def _save(self, export: Export, path: Path) -> None:
        try:
            manifest = write_files(export, path)
        except OSError as error:
            raise CommandError(f"Cannot write {path}: {error.strerror}.") from error
        self.stderr.write(f"{export.decisions.total():,} rows in {path}; {manifest} says more.")

    def _print(self, export: Export) -> None:
        try:
            for chunk in export:
                self.stdout.write(chunk.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # `… | head` has read enough; Python would complain again when it closes stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return
        self.stderr.write(manifest_line(export).decode(), ending="")
