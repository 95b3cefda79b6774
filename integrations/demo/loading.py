"""The programs that send the demo's cases, and their arrival."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from integrations.demo import cases, workflows
from orchestrator import engine
from orchestrator.models import Actor, ActorKind, Case, Grant, Workflow

SENDERS = {"tutorial": "shop", "refunds": "shop", "digits": "scanner", "feedback": "survey"}


def load(most: int | None = None, slugs: Sequence[str] = workflows.SLUGS) -> int:
    """Start what has not arrived yet, at most so many of each workflow; how many were new.

    Nothing is made or compared where all have arrived: a second start is quick.
    """
    places = {row.slug: row for row in Workflow.objects.filter(slug__in=slugs)}
    senders = {slug: sender(place) for slug, place in places.items()}
    waiting = [slug for slug in places if not has_arrived(senders[slug], slug, most)]
    return sum(
        outcome.status == "created"
        for slug, batch in cases.batches(waiting, most)
        for outcome in engine.start_cases(places[slug], actor=senders[slug], cases=batch)
    )


def has_arrived(program: Actor, slug: str, most: int | None) -> bool:
    there = Case.objects.filter(initiator=program, workflow__slug=slug).count()
    return there >= min(cases.COUNTS[slug], most or cases.COUNTS[slug])


def sender(workflow: Workflow) -> Actor:
    """The program that sends a workflow its cases: it may start them, and nothing else."""
    program, _ = Actor.objects.get_or_create(
        name=SENDERS[workflow.slug], revision="", defaults={"kind": ActorKind.AUTOMATION}
    )
    right = {"actor": program, "action": "start", "workflow": workflow}
    if not Grant.objects.filter(**right).exists():
        Grant.objects.create(**right, valid=TimestamptzRange(timezone.now(), None))
    return program
