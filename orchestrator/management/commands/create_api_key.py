"""Make a key for a program: ``manage.py create_api_key --user bea --scopes review``."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any, Final

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from orchestrator.api.keys import SCOPES, make_key
from orchestrator.models import Actor, ActorKind, Grant

NEEDED: Final = {
    "cases": ("view", "start"),
    "review": ("view", "decide"),
    "feedback": ("view",),
    "work": ("view", "work"),
}

HELP: Final = """\
Make an API key and print it, once: only a digest of it is kept.

--user NAME: the key acts as this person and may do what the person may.
--actor NAME: the key acts as a program. An automation of this name is made unless there is
one, and what the scopes need is granted to it in every workflow: cases gives view and start,
review view and decide, feedback view, work view and work. Narrow or end these grants in the
admin; cancelling a case takes a grant of its own.
"""


class Command(BaseCommand):
    help = HELP

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--user", help="a person's user name")
        who.add_argument("--actor", help="the name of a program")
        parser.add_argument(
            "--scopes", required=True, help=f"one or more of {','.join(SCOPES)}, with commas"
        )
        parser.add_argument("--name", default="", help="what uses this key")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        scopes = _scopes(options["scopes"])
        actor = _person(options["user"]) if options["user"] else _program(options["actor"], scopes)
        _, text = make_key(actor=actor, name=options["name"][:80], scopes=scopes)
        self.stdout.write(text)


def _scopes(text: str) -> list[str]:
    scopes = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise CommandError(f"Give --scopes as one or more of {','.join(SCOPES)}.")
    return scopes


def _person(name: str) -> Actor:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user {name!r}.")
    return Actor.objects.for_user(user)


def _program(name: str, scopes: list[str]) -> Actor:
    """The newest revision of this name that somebody made, with what its scopes need."""
    actor = Actor.objects.filter(name=name, base=None).order_by("-pk").first()
    if actor is None:
        actor = Actor.objects.create(kind=ActorKind.AUTOMATION, name=name)
    if actor.kind in (ActorKind.HUMAN, ActorKind.POLICY):
        raise CommandError(f"{name!r} is no program; use --user for people.")
    for action in sorted({action for scope in scopes for action in NEEDED[scope]}):
        _allow(actor, action)
    return actor


def _allow(actor: Actor, action: str) -> None:
    held = Grant.objects.filter(
        actor=actor, action=action, effect="allow", workflow=None, step_key="", limits={}
    )
    if not held.filter(valid__contains=Now()).exists():
        always = TimestamptzRange(timezone.now(), None)
        Grant.objects.create(actor=actor, action=action, valid=always)
