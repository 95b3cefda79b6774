"""What somebody says of an output: checked, then written as a decision that fills a seat."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from django.utils.translation import gettext as _

from orchestrator import authority, routing, schema
from orchestrator.authority import Answer
from orchestrator.diffing import Change, diff, patch, same
from orchestrator.engine import reconciling
from orchestrator.engine.bench import Bench, is_handed
from orchestrator.engine.judging import note_decision, proof_of
from orchestrator.engine.rounds import demand_of, facts_of
from orchestrator.exceptions import Invalid
from orchestrator.models import Correction, Decision, Mode, SeatPurpose, SeatState, StepKind, Word
from orchestrator.models.rows import insert_beside, new
from orchestrator.pointers import Problem, child
from orchestrator.spelling import number
from orchestrator.telling import tongue

MOST_COMMENT: Final = 4000
MOST_SECONDS: Final = 7 * 24 * 3600.0

BEHIND: Final = "behind"
"""Where a decision's proof names those for whom its decider stood in, if it did."""


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody wants to say of an output, as it came in; ``proof`` is kept as it is."""

    word: str
    output: Any = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    seconds: float | None = None
    final: bool = False
    via: str = "page"
    digest: str = ""
    proof: Mapping[str, Any] = field(default_factory=dict)


def checked_output(bench: Bench, said: Said) -> Any:
    """The value that the decision stands for.

    Raises Invalid with the place of every problem, and NotAllowed for a value beyond what
    its author may decide, where no rule would look at it again.
    """
    words = reconciling.words_on(bench.seat, bench.task.step, bench.right)
    if said.word not in words:
        _refuse("/decision", _("Choose one of %s.") % ", ".join(words))
    check_words(bench, said)
    if bench.seat.purpose == SeatPurpose.RECONCILE:
        return reconciling.found_output(bench, said.word, said.output)
    match said.word:
        case Word.APPROVED:
            return _approved(bench, said)
        case Word.CORRECTED:
            return _corrected(bench, said)
        case Word.RESPONDED:
            return _responded(bench, said)
    return None


def _refuse(path: str, message: str) -> NoReturn:
    raise Invalid(message, problems=[Problem(path, message).as_json()])


def check_words(bench: Bench, said: Said) -> None:
    if len(said.comment) > MOST_COMMENT or "\x00" in said.comment:
        _refuse("/comment", _("Write at most %s characters.") % number(MOST_COMMENT))
    codes = [reason["code"] for reason in bench.task.step.reasons]
    for path, code in said.reasons.items():
        if code not in codes:
            _refuse(
                child("/reasons", path), _("Choose one of %s.") % (", ".join(codes) or _("none"))
            )
        if path and not path.startswith("/"):
            _refuse("/reasons", _("Name the field by its path, as in /amount."))


def _approved(bench: Bench, said: Said) -> Any:
    if said.output is not None and not same(said.output, bench.task.proposal):
        _refuse("/output", _("You changed fields: save a correction, or take the changes back."))
    return bench.task.proposal


def _corrected(bench: Bench, said: Said) -> Any:
    _check_schema(bench, said.output)
    if same(said.output, bench.task.proposal):
        _refuse("/output", _("Nothing is changed: approve it, or change what is wrong."))
    if bench.seat.blind or bench.seat.purpose == SeatPurpose.ADJUDICATE:
        _check_last_word(bench, said.output)
    return said.output


def _responded(bench: Bench, said: Said) -> Any:
    handed = is_handed(bench.seat, bench.task.step)
    if said.output is None and not handed and bench.task.step.kind != StepKind.HUMAN:
        if not said.comment.strip():
            _refuse("/comment", _("Write the answer."))
        return None
    _check_schema(bench, said.output)
    if handed:
        _check_last_word(bench, said.output)
    else:
        _check_limit(bench, said.output)
    return said.output


def _check_schema(bench: Bench, output: Any) -> None:
    if output is None:
        _refuse("/output", _("Give the whole output."))
    if found := schema.validate(bench.task.step.schema, output):
        problems = [Problem(f"/output{row.path}", row.message).as_json() for row in found]
        raise Invalid(_("The output does not fit its schema."), problems=problems)


def _check_last_word(bench: Bench, output: Any) -> None:
    """What no rule looks at again: a value that the rules block stays blocked all the same."""
    act, task = bench.act, bench.task
    facts = facts_of(act, task, bench.routed.attempt, output)
    check_block(routing.route(act.definition.rules[task.step_key], facts))
    _check_limit(bench, output)


def check_block(route: routing.Route) -> None:
    """Raises Invalid where the rules block a value."""
    if route.mode == Mode.BLOCK:
        _refuse(
            "/output", _("The rules block this value: %s.") % routing.reason(route.why, tongue())
        )


def _check_limit(bench: Bench, output: Any) -> None:
    """Raises NotAllowed where the new value is beyond its author's own limit."""
    probe = copy(bench.seat)
    probe.demand = demand_of(bench.task.step, output)
    if probe.demand != bench.seat.demand:
        authority.require(bench.act.actor, "decide", probe)


def write(
    bench: Bench,
    said: Said,
    output: Any,
    *,
    by: Answer | None = None,
    state: SeatState = SeatState.DECIDED,
) -> Decision:
    """The decision with its proof and its corrections, written for ever; it closes the seat.

    ``by`` is what its decider was allowed by, None for the policy and for a consent carried over.
    """
    changes = diff(bench.task.proposal, output) if said.word == Word.CORRECTED else []
    seconds = None if said.seconds is None else min(MOST_SECONDS, max(0.0, said.seconds))
    decision = new(
        Decision,
        task=bench.task,
        seat=bench.seat,
        round=bench.seat.round,
        actor=bench.act.actor,
        via=said.via,
        word=said.word,
        output=output,
        patch=patch(changes),
        reasons=dict(said.reasons),
        comment=said.comment,
        proof=_proof(bench, said, by),
        shown_digest=said.digest,
        seconds=seconds,
        created_at=bench.act.now,
    )
    seat = bench.seat
    seat.state, seat.draft = state, None
    # The policy may have to close several seats of a round; people decide one each.
    seat.decided_by = decision.actor if state == SeatState.DECIDED else None
    fields = ("state", "decided_by", "draft")
    insert_beside(seat, *fields, new=[decision], link="decision")
    Correction.objects.bulk_create(
        Correction(decision=decision, reason=_reason(change, said), **change.as_json())
        for change in changes
    )
    note_decision(bench.act, decision)
    return decision


def _proof(bench: Bench, said: Said, by: Answer | None) -> dict[str, Any]:
    told = {"grant": by and by.grant, "group": bench.seat.group_id, **said.proof}
    if by and by.behind:
        told[BEHIND] = sorted(by.behind)
    return proof_of(bench.act, bench.routed, **told)


def parties_of(decision: Decision) -> set[int]:
    """Ids of those who have had their part in a round by this decision: they count as one."""
    return {decision.actor_id, *decision.proof.get(BEHIND, ())}


def _reason(change: Change, said: Said) -> str:
    """The code given for the field, or for what the field is part of."""
    path = change.path
    while path:
        if path in said.reasons:
            return said.reasons[path]
        path = path.rpartition("/")[0]
    return said.reasons.get("", "")
