"""The programs that send the demo's cases, and their arrival."""

from __future__ import annotations

from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from integrations.demo import cases, workflows
from orchestrator import engine
from orchestrator.models import Actor, ActorKind, Grant, Workflow

SENDERS = {"tutorial": "shop", "refunds": "shop", "digits": "scanner"}


def load(most: int | None = None) -> int:
    """Start what has not arrived yet, at most so many of each workflow; how many were new."""
    places = {slug: Workflow.objects.get(slug=slug) for slug in workflows.SLUGS}
    senders = {slug: sender(place) for slug, place in places.items()}
    return sum(
        outcome.status == "created"
        for slug, batch in cases.batches(most)
        for outcome in engine.start_cases(places[slug], actor=senders[slug], cases=batch)
    )


def sender(workflow: Workflow) -> Actor:
    """The program that sends a workflow its cases: it may start them, and nothing else."""
    program, _ = Actor.objects.get_or_create(
        name=SENDERS[workflow.slug], revision="", defaults={"kind": ActorKind.AUTOMATION}
    )
    right = {"actor": program, "action": "start", "workflow": workflow}
    if not Grant.objects.filter(**right).exists():
        Grant.objects.create(**right, valid=TimestamptzRange(timezone.now(), None))
    return program
