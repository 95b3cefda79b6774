"""What is wrong with the rules of a step, and what may surprise."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from django.utils.translation import gettext as _

from orchestrator import conditions
from orchestrator.definitions import format as file
from orchestrator.models import ASKING, DecisionRight, Mode, Step, StepEffect, StepKind, Word
from orchestrator.pointers import Problem, child

JUDGED: Final = frozenset({StepKind.AGENT, StepKind.HUMAN})
JUDGING: Final = (Word.APPROVED, Word.CORRECTED, Word.REJECTED, Word.ESCALATED)
ANSWERING: Final = (Word.RESPONDED, Word.REJECTED, Word.ESCALATED)
CAREFUL: Final = frozenset({StepEffect.VERIFY_FIRST, StepEffect.IN_DOUBT})
SILENT: Final = (Word.ESCALATED, Word.REJECTED)


def words_of(kind: str) -> tuple[Word, ...]:
    """What may be decided of a step: an output is judged, a question answered."""
    return ANSWERING if kind == StepKind.HUMAN else JUDGING


def is_careful(step: Step) -> bool:
    """Whether people are asked about writes of this step that may have happened."""
    return step.kind == StepKind.SYSTEM and step.effect in CAREFUL


def always(condition: object) -> bool:
    return condition is None or condition == {}


def rule_problems(
    step: Step, rights: Sequence[DecisionRight], facts: Collection[str], path: str
) -> Iterator[Problem]:
    """``path`` is that of the step's rules."""
    if step.kind in JUDGED and not any(right.mode in ASKING for right in rights):
        yield Problem(path, _("Add a rule that asks a person: it catches all the rest."))
    if is_careful(step) and not any(right.mode in ASKING for right in rights):
        message = _(
            "Add a rule that asks a person: somebody looks where a write may have happened."
        )
        yield Problem(path, message)
    if step.effect in CAREFUL and step.kind != StepKind.SYSTEM:
        message = _(
            "Only for steps of a system of record: make this one, or choose another effect."
        )
        yield Problem(f"{path.removesuffix('/rights')}/effect", message)
    for index, right in enumerate(rights):
        place = child(path, index)
        yield from _who(step, right, place)
        yield from _what(step, right, place)
        yield from _until_when(right, place)
        yield from _when(right, facts, f"{place}/when")
        if right.mode == Mode.AUTO and any(always(other.condition) for other in rights[:index]):
            yield Problem(place, _("A rule before this one takes every output; move this one up."))


def _who(step: Step, right: DecisionRight, path: str) -> Iterator[Problem]:
    if right.mode in ASKING and right.group is None:
        yield Problem(f"{path}/group", _("Name the group that decides."))
    if right.mode == Mode.AUTO and step.kind == StepKind.HUMAN:
        yield Problem(
            f"{path}/mode", _("A person performs this step: there is nothing to approve.")
        )
    wanted = file.PLACES.get(right.mode, 1)
    if right.mode == Mode.PANEL:
        if right.seats < 2:
            yield Problem(f"{path}/seats", _("A panel has two seats or more."))
    elif (right.seats, right.approvals) != (wanted, wanted):
        people = (
            _("two people, and both agree")
            if wanted == 2
            else _("one person; choose panel for more")
        )
        yield Problem(
            f"{path}/seats",
            _("This mode asks %(people)s: give %(wanted)s and %(wanted)s.")
            % {"people": people, "wanted": wanted},
        )
    if right.approvals > right.seats:
        yield Problem(f"{path}/approvals", _("Ask for no more approvals than there are seats."))


def _what(step: Step, right: DecisionRight, path: str) -> Iterator[Problem]:
    for word in right.allowed:
        if word not in words_of(step.kind):
            known = ", ".join(words_of(step.kind))
            yield Problem(
                f"{path}/allowed",
                _("Of this step is decided one of %(known)s; not %(word)s.")
                % {"known": known, "word": word},
            )
    if Word.ESCALATED in right.allowed and right.escalates_to is None:
        yield Problem(
            f"{path}/escalates_to",
            _("Name the group that is asked next, or do not allow escalated."),
        )
    if right.audit_rate:
        message = _("Automatic approvals are not audited yet: leave this out.")
        yield Problem(f"{path}/audit_rate", message)


def _until_when(right: DecisionRight, path: str) -> Iterator[Problem]:
    if right.on_timeout not in SILENT:
        yield Problem(
            f"{path}/on_timeout", _("Silence never approves: choose escalated or rejected.")
        )
    if not right.decide_within:
        yield Problem(f"{path}/decide_within", _("Give people time: at least a second."))
    elif right.start_within and right.start_within > right.decide_within:
        yield Problem(f"{path}/start_within", _("Nobody can start later than they have to decide."))
    if right.remind_before and right.remind_before >= right.decide_within:
        message = _("Remind people of less time than they have: it is on the page from the start.")
        yield Problem(f"{path}/remind_before", message)


def _when(right: DecisionRight, facts: Collection[str], path: str) -> Iterator[Problem]:
    for found in conditions.validate(right.condition, facts):
        yield Problem(path + found.path, found.message)


def rule_warnings(step: Step, rights: Sequence[DecisionRight], path: str) -> Iterator[Problem]:
    """What can be published and may surprise."""
    if step.effect == StepEffect.VERIFY_FIRST and is_careful(step) and not step.call.get("verify"):
        message = _("Say how to look whether a write happened, or a person is asked each time.")
        yield Problem(f"{path.removesuffix('/rights')}/call/verify", message)
    for index, right in enumerate(rights):
        if right.mode in ASKING and right.on_timeout == Word.ESCALATED and not right.escalates_to:
            message = _(
                "When nobody decides in time an incident opens, for no group is asked next."
            )
            yield Problem(f"{path}/{index}/escalates_to", message)
        if right.mode in ASKING:
            yield from _few(right, f"{path}/{index}")
        asks_in_doubt = is_careful(step) and right.mode in ASKING
        takes = right.mode != Mode.AUTO and not asks_in_doubt
        if takes and any(always(other.condition) for other in rights[:index]):
            yield Problem(f"{path}/{index}", _("A rule before this one takes every output."))
    if rights and not any(right.mode in ASKING for right in rights):
        message = _("No rule asks a person: where none of them approves, an incident opens.")
        yield Problem(path, message)


def _few(right: DecisionRight, path: str) -> Iterator[Problem]:
    """Groups with fewer people than a rule asks, as one whose name has a slip: each case stops."""
    groups = {"group": (right.group, right.seats), "escalates_to": (right.escalates_to, 1)}
    for key, (group, wanted) in groups.items():
        if group is None:
            continue
        there = group.user_set.filter(is_active=True)[:wanted].count()
        if there < wanted:
            found = _("%(there)s of %(wanted)s people") % {"there": there, "wanted": wanted}
            found = found if there else _("nobody yet")
            yield Problem(
                f"{path}/{key}",
                _("In the group %(name)s there is %(found)s.")
                % {"name": group.name, "found": found},
            )
