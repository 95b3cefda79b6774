"""Send a case back to an earlier step, with instructions that whoever performs it gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.bench import Bench
from orchestrator.engine.consequences import settle_later
from orchestrator.engine.deciding import Decided, bench_for
from orchestrator.engine.incidents import withdraw_seats
from orchestrator.engine.preferring import SENT_BACK
from orchestrator.engine.rework import most_visits, visits_of
from orchestrator.engine.saying import Said, check_words, write
from orchestrator.engine.staleness import check_digest
from orchestrator.exceptions import Invalid
from orchestrator.models import Actor, Seat, SeatPurpose, Step, Word
from orchestrator.pointers import Problem

MOST_INSTRUCTIONS: Final = 4000
JUDGING: Final = frozenset({SeatPurpose.GATE, SeatPurpose.ADJUDICATE})


def send_back(
    task_id: int,
    *,
    actor: Actor,
    claim_token: UUID | str,
    digest: str,
    to: str,
    instructions: str,
    comment: str = "",
    reasons: Mapping[str, str] | None = None,
    seconds: float | None = None,
    via: str = "page",
) -> Decided:
    """Have an earlier step done anew instead of deciding its output.

    ``to`` is the key of one of the step's ``rework`` steps; ``instructions`` are its brief. One
    decider is enough, also where several are asked: the output is to change anyway. It can be
    undone as a decision. Raises what ``decide`` raises, and Invalid where the case was there as
    often as the step allows.
    """
    said = Said(
        Word.REJECTED,
        reasons=reasons or {},
        comment=comment.strip() or instructions.strip(),
        seconds=seconds,
        via=via,
        digest=digest,
        proof={SENT_BACK: {"to": to, "instructions": instructions.strip()}},
    )
    with bench_for(task_id, claim_token, actor) as bench:
        answer = authority.require(actor, "decide", bench.seat)
        check_digest(bench.task, bench.act.case, digest)
        if found := list(_problems(bench, to, instructions.strip())):
            raise Invalid(found[0].message, problems=[one.as_json() for one in found])
        check_words(bench, said)
        decision = write(bench, said, None, by=answer)
        _conclude(bench)
        task = bench.task
        return Decided(decision, task.state, bench.act.case.state, task.settle_at)


def _problems(bench: Bench, to: str, instructions: str) -> Iterator[Problem]:
    known = [step.key for step in targets(bench.seat, bench.act.definition.steps)]
    if to not in known:
        named = ", ".join(known) or _("none")
        yield Problem("/to", _("From here a case goes back to one of these steps: %s.") % named)
    elif visits_of(bench.task, to) >= most_visits(bench.task.step):
        yield Problem("/to", _("It was sent back as often as this step allows: decide it here."))
    if not instructions:
        yield Problem("/instructions", _("Say what is to be done."))
    elif len(instructions) > MOST_INSTRUCTIONS or "\x00" in instructions:
        most = f"{MOST_INSTRUCTIONS:,}"
        yield Problem("/instructions", _("Write at most %s characters.") % most)


def targets(seat: Seat, steps: Mapping[str, Step]) -> list[Step]:
    """The steps that the case may be sent back to from a seat; none while something is undone.

    The seat comes with its task and step.
    """
    if seat.purpose not in JUDGING or seat.task.compensates_id is not None:
        return []
    return [steps[key] for key in seat.task.step.rework.get("to", ()) if key in steps]


def _conclude(bench: Bench) -> None:
    """What others of the round said or may still say counts no more."""
    withdraw_seats(bench.act, bench.task)
    bench.task.output, bench.task.word = None, Word.REJECTED
    settle_later(bench.act, bench.task)
