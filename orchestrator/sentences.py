"""A version in sentences: what each step does, who may decide, where it leads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from orchestrator import engine
from orchestrator.conditions import sentence
from orchestrator.lately import Pace
from orchestrator.models import DecisionRight, Mode, Step, StepKind, Transition, WorkflowVersion
from orchestrator.templatetags.rewire import short_duration

VERBS: Final = {
    "approved": "approve",
    "corrected": "correct",
    "rejected": "reject",
    "responded": "answer",
    "escalated": "escalate",
}


@dataclass(frozen=True, slots=True)
class Right:
    """One rule: its name, when it applies, and who then may do what within which time."""

    name: str
    sentence: str
    detail: str
    mode: str


@dataclass(frozen=True, slots=True)
class Exit:
    """One way on; ``sentence`` is empty where nothing is asked."""

    target: str
    target_name: str
    sentence: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as its page shows it."""

    key: str
    name: str
    kind: str
    sentence: str
    instructions: str
    pace: str
    rights: list[Right]
    exits: list[Exit]


def steps_of(version: WorkflowVersion) -> list[Step]:
    """The steps in their order, with all that is said of them. Six queries at most."""
    steps = version.steps.select_related("actor").order_by("position")
    return list(
        steps.prefetch_related("rights__group", "rights__escalates_to", "transitions__target")
    )


def step_views(steps: Iterable[Step], pace: Mapping[str, Pace]) -> list[StepView]:
    """The steps in sentences, in their order; steps as ``steps_of`` reads them."""
    return [_step(step, pace.get(step.key)) for step in steps]


def rights_of(step: Step) -> list[DecisionRight]:
    return sorted(step.rights.all(), key=lambda right: right.position)


def exits_of(step: Step) -> list[Transition]:
    return sorted(step.transitions.all(), key=lambda way: way.position)


def pace_of(pace: Pace) -> str:
    """How much of what was decided lately people decided, and how long they waited and looked."""
    share = f"{pace.by_people / pace.decided:.0%}"
    parts = [f"Of the last {pace.decided:,} decisions here people made {share}"]
    if pace.waited is not None:
        parts.append(f"half of them within {short_duration(pace.waited)} of being asked")
    if pace.looked is not None:
        parts.append(f"with {short_duration(pace.looked)} of looking")
    return ", ".join(parts) + "."


def _step(step: Step, pace: Pace | None) -> StepView:
    rights, exits = rights_of(step), exits_of(step)
    return StepView(
        key=step.key,
        name=step.name,
        kind=step.kind,
        sentence=_does(step),
        instructions=step.instructions.strip(),
        pace=pace_of(pace) if pace else "",
        rights=[_right(step, right) for right in rights],
        exits=[_exit(way) for way in exits],
    )


def _does(step: Step) -> str:
    """Who performs a step, in a few words."""
    if step.kind == StepKind.HUMAN:
        return "a person answers"
    if step.kind == StepKind.END:
        return f"the case ends: {step.outcome or step.key}"
    return f"{step.get_kind_display()} {step.actor}" if step.actor else step.get_kind_display()


def _exit(way: Transition) -> Exit:
    condition = sentence(way.condition) if way.condition else ""
    return Exit(way.target.key, way.target.name, condition)


def _right(step: Step, right: DecisionRight) -> Right:
    when = f"if {sentence(right.condition)}" if right.condition else "whatever comes"
    return Right(str(right), when, _detail(step, right), right.mode)


def _detail(step: Step, right: DecisionRight) -> str:
    """Who may do what: "Refund reviewers may approve or reject within 24 h"."""
    if right.mode == Mode.AUTO:
        return "Nobody is asked." + _audited(right)
    if right.mode == Mode.BLOCK:
        return "Nobody is asked." + (f" In doubt, {right.group} decide." if right.group else "")
    words = engine.allowed_words(step, right)
    who = f"{_how_many(right)}{right.group or 'Nobody'}"
    within = short_duration(right.decide_within)
    parts = [f"{who} may {_listed(words)} within {within}"]
    if right.escalates_to and "escalated" in words:
        parts.append(f"escalates to {right.escalates_to}")
    if right.blind:
        parts.append("blind")
    return ", ".join(parts) + "." + _audited(right)


def _how_many(right: DecisionRight) -> str:
    if right.mode == Mode.DUAL:
        return "Two of "
    return f"{right.approvals} of {right.seats} of " if right.mode == Mode.PANEL else ""


def _audited(right: DecisionRight) -> str:
    return f" {right.audit_rate:.0%} are audited." if right.audit_rate else ""


def _listed(words: list[str]) -> str:
    verbs = [VERBS[word] for word in words]
    return " or ".join(filter(None, (", ".join(verbs[:-1]), verbs[-1]))) if verbs else "do nothing"
