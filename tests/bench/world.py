"""Who and what the benchmarks work with: fifty reviewers and three workflows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from orchestrator.api.keys import SCOPES, make_key
from orchestrator.models import Actor, Workflow
from tests import world
from tests.programs import importer

REVIEWERS: Final = 50

STEPS: Final = """
workflow: {slug}
name: Steps
owner: alice
groups: [Finance]
connections:
  {slug}: {{kind: fake, settings: {{output: {{done: true}}}}}}
actors:
  {slug}: {{kind: automation, revision: "1", connection: {slug}}}
accountable: alice
data: {{type: object}}
steps:
{steps}
  - {{key: over, name: Over, kind: end, outcome: over}}
transitions:
{transitions}
"""

BOOKING: Final = """  - key: book
    name: Book
    kind: automation
    actor: booker
    schema: {type: object}
    output: {/booking: ""}
  - key: booked"""


@dataclass(frozen=True, slots=True)
class World:
    """``keys`` are those of the reviewers; a ``program`` starts cases and exports."""

    expenses: Workflow
    keys: list[str]
    program: str
    cookie: str


def made() -> World:
    """Reviewers decide without a time to undo: what follows is in the same commit."""
    expenses = world.workflow(**{"undo: 10s": "undo: 0s"})
    reviewers = [_key(_reviewer(number)) for number in range(REVIEWERS)]
    browser = Client()
    browser.force_login(world.person("bea"))
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    return World(expenses, reviewers, _key(importer()), cookie)


def _reviewer(number: int) -> Actor:
    user = User.objects.create(username=f"reviewer-{number}")
    user.groups.add(*Group.objects.filter(name__in=("Reviewers", "Finance", "Expense reviewers")))
    return Actor.objects.for_user(user)


def _key(actor: Actor) -> str:
    return make_key(actor=actor, name="bench", scopes=SCOPES)[1]


def steps(count: int) -> Workflow:
    """A workflow of so many automation steps, one after the other."""
    keys = [f"s{number}" for number in range(count)]
    slug = f"steps-{count}"
    kind = "{type: object}"
    each = "\n".join(
        f"  - {{key: {key}, name: {key}, kind: automation, actor: {slug}, schema: {kind}}}"
        for key in keys
    )
    pairs = zip(keys, [*keys[1:], "over"], strict=True)
    ways = "\n".join(f"  - {{from: {source}, to: {target}}}" for source, target in pairs)
    return world.workflow(STEPS.format(slug=slug, steps=each, transitions=ways))


def booking() -> Workflow:
    """The expenses once more, with a machine step after the review."""
    return world.workflow(
        **{
            "workflow: expenses": "workflow: bookings",
            "undo: 10s": "undo: 0s",
            "  reader: {kind: fake, settings: {}}": "  reader: {kind: fake, settings: {}}\n"
            "  booker: {kind: fake, settings: {output: {done: true}}}",
            "accountable:": '  booker: {kind: automation, revision: "1", connection: booker}\n'
            "accountable:",
            "  - key: booked": BOOKING,
            "{from: read, to: booked}": "{from: read, to: book}\n  - {from: book, to: booked}",
        }
    )
