"""A published version as the engine reads it: loaded once, for it never changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from orchestrator import conditions
from orchestrator.definitions.rules import ANSWERING, words_of
from orchestrator.models import (
    ASKING,
    Actor,
    ActorKind,
    DecisionRight,
    Step,
    Task,
    Word,
    WorkflowVersion,
)
from orchestrator.routing import Rule


@dataclass(frozen=True, slots=True)
class Exit:
    """Where a step may lead, and when."""

    condition: Any
    target: str
    asks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Definition:
    """The steps, rules and exits of one version, by step key."""

    version: WorkflowVersion
    policy: Actor
    accountable: Actor
    steps: Mapping[str, Step]
    rights: Mapping[str, tuple[DecisionRight, ...]]
    rules: Mapping[str, tuple[Rule, ...]]
    exits: Mapping[str, tuple[Exit, ...]]
    loops: frozenset[str]
    asks_initiator: bool

    @property
    def start(self) -> Step:
        return next(iter(self.steps.values()))

    def step_of(self, task: Task) -> Step:
        """The step of a task; of what was over before a migration, the one that it had then."""
        return self.steps.get(task.step_key) or task.step

    def right_at(self, step_key: str, position: int | None) -> DecisionRight | None:
        """The rule at a position; without one the step's last rule that asks a person."""
        rights = self.rights[step_key]
        if position is not None:
            return next(right for right in rights if right.position == position)
        return next((right for right in reversed(rights) if right.mode in ASKING), None)


@lru_cache(maxsize=512)
def definition_of(version_id: int) -> Definition:
    """The definition of a published version. Queries on first sight in this process."""
    version = WorkflowVersion.objects.select_related("workflow", "accountable").get(pk=version_id)
    steps = {
        step.key: step
        for step in version.steps.select_related("actor__connection").order_by("position")
    }
    rights = _rights(version)
    exits = _exits(version)
    ways = {
        key: {*(way.target for way in exits.get(key, ())), *step.rework.get("to", ())}
        for key, step in steps.items()
    }
    return Definition(
        version=version,
        policy=policy_actor(version),
        accountable=Actor.objects.for_user(version.accountable),  # type: ignore[arg-type]
        steps=steps,
        rights={key: rights.get(key, ()) for key in steps},
        rules={key: _rules(rights.get(key, ())) for key in steps},
        exits={key: exits.get(key, ()) for key in steps},
        loops=frozenset(key for key in steps if _returns(key, ways)) | _undoing(steps),
        asks_initiator=any(
            "initiator" in conditions.facts_used(right.condition)
            for found in rights.values()
            for right in found
        ),
    )


def policy_actor(version: WorkflowVersion) -> Actor:
    """The version as an actor: its rules approve, its time-outs decide."""
    return Actor.objects.get_or_create(
        name=f"policy:{version.workflow.slug}",
        revision=str(version.number),
        defaults={"kind": ActorKind.POLICY},
    )[0]


def allowed_words(step: Step, right: DecisionRight | None, level: int = 0) -> list[str]:
    """What a decider may say: the rule's words, else those of the step's kind.

    Nobody escalates from where no next level is.
    """
    words: list[str] = list(right.allowed) if right else []
    return _reachable(words or list(map(str, words_of(step.kind))), right, level)


def answering_words(right: DecisionRight | None, level: int = 0) -> list[str]:
    """What somebody may say who does a machine's step: there is no output to approve."""
    allowed = {Word.RESPONDED, *(right.allowed if right and right.allowed else Word.values)}
    words = [str(word) for word in ANSWERING if word in allowed]
    return _reachable(words, right, level)


def _reachable(words: list[str], right: DecisionRight | None, level: int) -> list[str]:
    if level or right is None or right.escalates_to_id is None:
        return [word for word in words if word != Word.ESCALATED]
    return words


def _rights(version: WorkflowVersion) -> dict[str, tuple[DecisionRight, ...]]:
    rows = DecisionRight.objects.filter(step__version=version).select_related(
        "step", "group", "escalates_to"
    )
    found: dict[str, tuple[DecisionRight, ...]] = {}
    for right in rows.order_by("step_id", "position"):
        found[right.step.key] = (*found.get(right.step.key, ()), right)
    return found


def _rules(rights: tuple[DecisionRight, ...]) -> tuple[Rule, ...]:
    return tuple(Rule(right.position, right.condition, right.mode, right.name) for right in rights)


def _exits(version: WorkflowVersion) -> dict[str, tuple[Exit, ...]]:
    rows = version.transitions.select_related("source", "target").order_by("position")
    found: dict[str, tuple[Exit, ...]] = {}
    for row in rows:
        asks = frozenset(conditions.facts_used(row.condition))
        found[row.source.key] = (
            *found.get(row.source.key, ()),
            Exit(row.condition, row.target.key, asks),
        )
    return found


def _undoing(steps: Mapping[str, Step]) -> frozenset[str]:
    """The keys of steps that undo others: one may undo several, and each of their visits."""
    return frozenset(step.compensated_by for step in steps.values() if step.compensated_by)


def _returns(key: str, ways: Mapping[str, set[str]]) -> bool:
    """Whether a case can come to this step a second time, forward or sent back."""
    reached: set[str] = set()
    ahead = [key]
    while ahead:
        found = ways.get(ahead.pop(), set()) - reached
        reached |= found
        ahead.extend(found)
    return key in reached
