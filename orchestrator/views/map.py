"""The map of a version with what is under way on it, ready for its template."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator.conditions import facts_used
from orchestrator.flowing import does, note_of
from orchestrator.models import ASKING, DecisionRight, Mode, Step, StepKind, Transition
from orchestrator.nesting import nests_of
from orchestrator.sentences import exits_of, rights_of
from orchestrator.spelling import at_least
from orchestrator.telling import told
from orchestrator.templatetags.rewire import kind_icon, word
from orchestrator.under_way import UnderWay
from orchestrator.workflow_map import Box, Desk, Drawing, Lane, Place, Way, draw

COUNTED: Final = ("waiting", "ready", "running", "in_review", "decided", "failed")
PARTING: Final = frozenset({StepKind.DECISION, StepKind.FORK, StepKind.JOIN})
"""Kinds that are drawn as diamonds: ways part there, or meet."""
LED: Final = PARTING | {
    StepKind.TIMER,
    StepKind.EVENT,
    StepKind.FOR_EACH,
    StepKind.SUBFLOW,
    StepKind.END,
}
"""Kinds that nobody performs."""
CHIP: Final = 38
GAP: Final = 2
SIGN: Final = 8
"""The least width of a chip, what parts two of them, and the room for a digit."""
MODES: Final = {
    Mode.REVIEW: gettext_noop("one decides"),
    Mode.DUAL: gettext_noop("two decide"),
    Mode.PANEL: gettext_noop("a panel decides"),
}
ESCALATED: Final = gettext_noop("if escalated")


@dataclass(frozen=True, slots=True)
class Chip:
    """A number on a box: how many tasks are in this state now."""

    state: str
    count: str
    x: float

    @property
    def width(self) -> int:
        return chip_width(self.count)


@dataclass(frozen=True, slots=True)
class Node:
    """A box or a desk with what stands on it. ``label`` is read out, ``title`` shown on hover."""

    at: Box
    icon: str
    kind: str
    label: str
    chips: list[Chip]
    text: str = ""
    count: str = ""
    url: str = ""

    @property
    def count_width(self) -> int:
        return chip_width(self.count)


@dataclass(frozen=True, slots=True)
class Map:
    """The drawing, its nodes and what the numbers are of: ``count`` cases, said as ``cases``."""

    drawing: Drawing
    nodes: list[Node]
    desks: list[Node]
    cases: str
    count: int


def map_of(
    steps: Sequence[Step], now: UnderWay, called: Mapping[str, str] = MappingProxyType({})
) -> Map | None:
    """None where there is nothing to draw. Steps as ``steps_of`` reads them; queries nothing.

    ``called`` has the addresses of the workflows that subflows call, by their keys.
    """
    if not steps:
        return None
    nests = nests_of(steps)
    lanes = lanes_of(steps, {nest.join: nest.opener for nest in nests})
    asks = {step.key: asked(step, lanes[step.key]) for step in steps}
    known = {lane.key: lane for step in steps for lane in (lanes[step.key], *asks[step.key])}
    places = [
        Place(
            step.key,
            step.name,
            lanes[step.key].key,
            tuple(lane.key for lane in asks[step.key]),
            note_of(step),
            step.kind in PARTING,
        )
        for step in steps
    ]
    branches = [frozenset(branch) for nest in nests for branch in nest.branches]
    ways = [*ways_of(steps), *aside_ways(steps)]
    drawing = draw(list(known.values()), places, ways, branches)
    named = {step.key: step for step in steps}
    return Map(
        drawing,
        nodes=[
            _node(
                box,
                named[box.key],
                now,
                elsewhere=_waiting(now, box.key, asks[box.key]),
                url=called.get(str(named[box.key].flow.get("workflow")), ""),
                sentence=does(named[box.key], steps),
            )
            for box in drawing.boxes
        ],
        desks=[_desk(desk, named[desk.key], asks[desk.key], now) for desk in drawing.desks],
        cases=at_least(now.cases, more=now.more),
        count=now.cases,
    )


def lanes_of(steps: Sequence[Step], opens: Mapping[str, str]) -> dict[str, Lane]:
    """Whose lane each step stands in.

    What nobody performs stands with whoever comes before, else after; a join with the step that
    opens its branches, as ``opens`` says.
    """
    lanes = {step.key: _lane(step) for step in steps if step.kind not in LED}
    pairs = [(step.key, way.target.key) for step in steps for way in exits_of(step)]
    ahead = [(opens.get(target, source), target) for source, target in pairs]
    back = [(target, source) for source, target in reversed(ahead)]
    for ways in (ahead, back, ahead):
        _spread(lanes, ways)
    return {step.key: lanes.get(step.key, rules()) for step in steps}


def _spread(lanes: dict[str, Lane], ways: Sequence[tuple[str, str]]) -> None:
    """Take lanes over along these ways, until nothing more is to be taken."""
    known = -1
    while known < len(lanes):
        known = len(lanes)
        for here, there in ways:
            if here in lanes:
                lanes.setdefault(there, lanes[here])


def _lane(step: Step) -> Lane:
    if step.actor:
        return Lane(f"{step.kind}:{step.actor.name}", step.actor.name, step.kind)
    groups = (right for right in rights_of(step) if right.mode in ASKING and right.group)
    first = next(groups, None)
    if step.kind == StepKind.HUMAN and first:
        return people(first)
    return rules()


def rules() -> Lane:
    return Lane("rules", "Rewire", "policy")


def people(right: DecisionRight) -> Lane:
    return Lane(f"people:{right.group_id}", str(right.group), "people")


def asked(step: Step, own: Lane) -> dict[Lane, str]:
    """The other lanes whose people may have to decide here, and how."""
    rights = rights_of(step)
    how: dict[Lane, list[str]] = {}
    for right in rights:
        if right.group and (right.mode in ASKING or right.mode == Mode.BLOCK):
            how.setdefault(people(right), []).append(
                MODES.get(Mode(right.mode), gettext_noop("in doubt"))
            )
    for right in rights:
        if right.escalates_to and right.mode in ASKING:
            lane = Lane(f"people:{right.escalates_to_id}", str(right.escalates_to), "people")
            how.setdefault(lane, [ESCALATED])
    how.pop(own, None)
    return {lane: _(_how(words)) for lane, words in how.items()}


def _how(words: Iterable[str]) -> str:
    distinct = set(words)
    if {MODES[Mode.REVIEW], MODES[Mode.DUAL]} <= distinct:
        return gettext_noop("one or two decide")
    return next((text for text in MODES.values() if text in distinct), min(distinct))


def ways_of(steps: Sequence[Step]) -> list[Way]:
    """One way for all transitions between the same two steps."""
    found: dict[tuple[str, str], list[tuple[str, Transition]]] = {}
    for step in steps:
        for way in exits_of(step):
            found.setdefault((step.key, way.target.key), []).append((_text(way), way))
    return [_way(pair, together) for pair, together in found.items()]


def _way(pair: tuple[str, str], together: Sequence[tuple[str, Transition]]) -> Way:
    texts = [text for text, _way in together if text]
    more = f" +{len(texts) - 1}" if len(texts) > 1 else ""
    return Way(
        *pair,
        label=f"{texts[0]}{more}" if texts else "",
        title="; ".join(_in_full(way) for _text, way in together),
        dashed=any(_rejects(way.condition) for _text, way in together),
    )


def aside_ways(steps: Sequence[Step]) -> list[Way]:
    """Where a case goes by no transition: back because people say so, or to undo a step."""
    names = {step.key: step.name for step in steps}
    found = []
    for step in steps:
        if step.compensated_by in names:
            title = _("%s undoes it") % names[step.compensated_by]
            found.append(Way(step.key, step.compensated_by, title=title, look="undo"))
        for key in step.rework.get("to", ()):
            if key in names:
                title = _("people may send it back to %s") % names[key]
                found.append(Way(step.key, key, title=title, look="back"))
    return found


def _text(way: Transition) -> str:
    """In a word or two what leads this way; nothing where whatever else comes does."""
    match way.condition:
        case {"fact": "decision", "op": "eq", "value": str(decided)}:
            return word(decided).lower()
    return told(way.condition) if way.condition else ""


def _in_full(way: Transition) -> str:
    condition = _("if %s") % told(way.condition) if way.condition else _("whatever else comes")
    return _("to %(step)s %(condition)s") % {"step": way.target.name, "condition": condition}


def _rejects(condition: Any) -> bool:
    return "decision" in facts_used(condition) and "rejected" in str(condition)


def _node(box: Box, step: Step, now: UnderWay, *, elsewhere: int, url: str, sentence: str) -> Node:
    """``elsewhere`` of its tasks in review are counted on its desks."""
    states = dict(now.states.get(step.key, {}))
    states["in_review"] = states.get("in_review", 0) - elsewhere
    chips = _chips(box, states, more=now.more)
    counted = "; ".join(f"{chip.count} {word(chip.state).lower()}" for chip in chips)
    return Node(
        box,
        icon=kind_icon(step.kind),
        kind=step.kind,
        label=": ".join(filter(None, (step.name, sentence, counted))),
        chips=chips,
        url=url,
    )


def _chips(box: Box, states: Mapping[str, int], *, more: bool) -> list[Chip]:
    shown = [
        (state, at_least(states[state], more=more)) for state in COUNTED if states.get(state, 0) > 0
    ]
    widths = [chip_width(count) + GAP for _state, count in shown]
    first = box.centre - sum(widths) / 2 if box.diamond else box.x + 10
    places = accumulate(widths, initial=first)
    return [Chip(*chip, place) for chip, place in zip(shown, places, strict=False)]


def chip_width(count: str) -> int:
    """Room for an icon and the digits of a number."""
    return max(CHIP, 27 + SIGN * len(count))


def _desk(desk: Desk, step: Step, asks: Mapping[Lane, str], now: UnderWay) -> Node:
    lane = next(lane for lane in asks if lane.key == desk.lane)
    waiting = _waiting(now, step.key, [lane])
    count = at_least(waiting, more=now.more) if waiting else ""
    said = f"{lane.name}, {step.name}: {asks[lane]}"
    return Node(
        desk,
        icon="users",
        kind="desk",
        label="; ".join(filter(None, (said, count and _("%s waiting") % count))),
        chips=[],
        text=asks[lane],
        count=count,
    )


def _waiting(now: UnderWay, step_key: str, lanes: Iterable[Lane]) -> int:
    """Tasks of a step that wait for the people of these lanes."""
    groups = (int(lane.key.partition(":")[2]) for lane in lanes)
    return sum(now.waiting.get((step_key, group), 0) for group in groups)
