from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.demo import digits, feedback, people, refunds, workflows
from integrations.demo.feedback.package import AbsentError
from integrations.demo.loading import load
from integrations.demo.processes import connect_ledger, feeder_process, free_port, ledger_process
from orchestrator import engine
from orchestrator.definitions import import_draft
from orchestrator.models import Actor, Workflow
from orchestrator.processes.group import run_group
from orchestrator.processes.state import StateError


def publish(slug: str) -> None:
    """Import a workflow and publish it in the name of alice, who owns them all."""
    alice = Actor.objects.for_user(User.objects.get(username="alice"))
    engine.publish(import_draft(workflows.text(slug)), actor=alice)


class Command(BaseCommand):
    help = "Runs Rewire with example workflows, real agents and a ledger. Ctrl-C stops it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reset", action="store_true", help="forget everything before")
        parser.add_argument(
            "--cases", type=int, metavar="N", help="load only so many cases of each workflow"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["reset"]:
                self.reset()
            port = free_port()
            run_group(
                [ledger_process(port), feeder_process()],
                prepare=partial(self.prepare, port, options["cases"]),
                on_ready=self.print_logins,
            )
        except StateError as error:
            raise CommandError(str(error)) from error

    def reset(self) -> None:
        """Delete the state folder's data. Raises StateError while Rewire runs in it."""
        if not settings.EMBEDDED_DATABASE:
            raise StateError("The demo's data is in DATABASE_URL: empty that database yourself.")
        settings.HOME.wipe()
        shutil.rmtree(settings.HOME.path / "demo", ignore_errors=True)

    def prepare(self, port: int, most: int | None) -> None:
        """Make what is missing; nothing that is there is made again.

        ``port``: where the ledger listens this time. ``most``: so many cases of each workflow.
        """
        slugs = self.read_what_there_is()
        with self.phase("Creating people"):
            people.ensure()
        with self.phase("Publishing workflows"):
            for slug in slugs:
                if not Workflow.objects.filter(slug=slug).exists():
                    publish(slug)
            connect_ledger(port)
        with self.phase("Loading cases"):
            load(most, slugs)

    def read_what_there_is(self) -> tuple[str, ...]:
        """Train the readers; the workflows that have theirs."""
        with self.phase("Training the readers"):
            refunds.STORE.ensure()
            digits.STORE.ensure()
        with self.phase("Fetching customer feedback"):
            try:
                feedback.STORE.ensure()
            except AbsentError as error:
                self.stdout.write(f"{error} Customer feedback is left out.")
                return workflows.SLUGS
        return (*workflows.SLUGS, workflows.FETCHED)

    def print_logins(self) -> None:
        for name, password, role in people.logins():
            self.stdout.write(f"{name}  {password}  {role}")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.stdout.write(f"{name}: {time.monotonic() - start:.1f} s")
        self.stdout.flush()
