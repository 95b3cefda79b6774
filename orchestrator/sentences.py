"""A version in sentences: what each step does, who may decide, where it leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import engine
from orchestrator.flowing import Row, does, rows_of
from orchestrator.lately import Pace
from orchestrator.models import DecisionRight, Mode, Step, StepKind, Transition, WorkflowVersion
from orchestrator.nesting import holders, nests_of
from orchestrator.spelling import duration, listed, number, share
from orchestrator.telling import told

VERBS: Final = {
    "approved": gettext_noop("approve"),
    "corrected": gettext_noop("correct"),
    "rejected": gettext_noop("reject"),
    "responded": gettext_noop("answer"),
    "escalated": gettext_noop("escalate"),
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
class Aside:
    """What else a step may come to, beside its exits."""

    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step as its page shows it; ``branches`` are the steps of each branch that it opens."""

    key: str
    name: str
    kind: str
    sentence: str
    instructions: str
    pace: str
    rights: list[Right]
    exits: list[Exit]
    rows: list[Row] = field(default_factory=list)
    asides: list[Aside] = field(default_factory=list)
    branches: list[list[StepView]] = field(default_factory=list)


def steps_of(version: WorkflowVersion) -> list[Step]:
    """The steps in their order, with all that is said of them. Six queries at most."""
    steps = version.steps.select_related("actor").order_by("position")
    return list(
        steps.prefetch_related("rights__group", "rights__escalates_to", "transitions__target")
    )


def step_views(steps: Sequence[Step], pace: Mapping[str, Pace]) -> list[StepView]:
    """The steps in sentences, in their order; steps as ``steps_of`` reads them.

    What stands in a branch is in the list of its opening step alone.
    """
    views = {step.key: _step(step, steps, pace.get(step.key)) for step in steps}
    nests = nests_of(steps)
    held = holders(nests)
    for nest in nests:
        for place, branch in enumerate(nest.branches):
            own = [views[key] for key in branch if held[key] == (nest, place)]
            views[nest.opener].branches.append(own)
    return [view for key, view in views.items() if key not in held]


def rights_of(step: Step) -> list[DecisionRight]:
    return sorted(step.rights.all(), key=lambda right: right.position)


def exits_of(step: Step) -> list[Transition]:
    return sorted(step.transitions.all(), key=lambda way: way.position)


def pace_of(pace: Pace) -> str:
    """How much of what was decided lately people decided, and how long they waited and looked."""
    parts = [
        _("Of the last %(count)s decisions here people made %(share)s")
        % {"count": number(pace.decided), "share": share(pace.by_people / pace.decided)}
    ]
    if pace.waited is not None:
        parts.append(_("half of them within %s of being asked") % duration(pace.waited))
    if pace.looked is not None:
        parts.append(_("with %s of looking") % duration(pace.looked))
    return ", ".join(parts) + "."


def _step(step: Step, steps: Sequence[Step], pace: Pace | None) -> StepView:
    rights, exits = rights_of(step), exits_of(step)
    return StepView(
        key=step.key,
        name=step.name,
        kind=step.kind,
        sentence=does(step, steps) or _performed(step),
        instructions=step.instructions.strip(),
        pace=pace_of(pace) if pace else "",
        rights=[_right(step, right) for right in rights],
        exits=[_exit(way) for way in exits],
        rows=rows_of(step),
        asides=list(_asides(step, {other.key: other.name for other in steps})),
    )


def _asides(step: Step, names: Mapping[str, str]) -> Iterator[Aside]:
    if back := [names.get(key, key) for key in step.rework.get("to", ())]:
        yield Aside("left", _("People may send it back to %s.") % listed(back, _("or")))
    if step.compensated_by:
        undo = names.get(step.compensated_by, step.compensated_by)
        yield Aside("undo", _("%s undoes it when the case is cancelled.") % undo)


def _performed(step: Step) -> str:
    """Who performs a step, in a few words."""
    if step.kind == StepKind.HUMAN:
        return _("a person answers")
    if step.kind == StepKind.END:
        return _("the case ends: %s") % (step.outcome or step.key)
    return f"{step.get_kind_display()} {step.actor}" if step.actor else step.get_kind_display()


def _exit(way: Transition) -> Exit:
    condition = told(way.condition) if way.condition else ""
    return Exit(way.target.key, way.target.name, condition)


def _right(step: Step, right: DecisionRight) -> Right:
    when = _("if %s") % told(right.condition) if right.condition else _("whatever comes")
    return Right(str(right), when, _detail(step, right), right.mode)


def _detail(step: Step, right: DecisionRight) -> str:
    """Who may do what: "Refund reviewers may approve or reject within 24 h"."""
    if right.mode == Mode.AUTO:
        return _("Nobody is asked.") + _audited(right)
    if right.mode == Mode.BLOCK:
        doubt = _("In doubt, %s decide.") % right.group if right.group else ""
        return " ".join(filter(None, (_("Nobody is asked."), doubt)))
    words = engine.allowed_words(step, right)
    may = {"who": _who(right), "what": _listed(words), "time": duration(right.decide_within)}
    parts = [_("%(who)s may %(what)s within %(time)s") % may]
    if right.escalates_to and "escalated" in words:
        parts.append(_("escalates to %s") % right.escalates_to)
    if right.blind:
        parts.append(_("blind"))
    return ", ".join(parts) + "." + _audited(right)


def _who(right: DecisionRight) -> str:
    group = str(right.group) if right.group else _("Nobody")
    if right.mode == Mode.DUAL:
        return _("Two of %s") % group
    if right.mode == Mode.PANEL:
        panel = {"approvals": right.approvals, "seats": right.seats, "group": group}
        return _("%(approvals)s of %(seats)s of %(group)s") % panel
    return group


def _audited(right: DecisionRight) -> str:
    return _(" %s are audited.") % share(right.audit_rate) if right.audit_rate else ""


def _listed(words: list[str]) -> str:
    return listed([_(VERBS[word]) for word in words], _("or")) or _("do nothing")
