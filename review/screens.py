"""The context of the task page: one seat, drawn for one person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.attachments import attached
from orchestrator.engine import Seen, agent_of
from orchestrator.models import Actor, Seat
from orchestrator.pages import attempt_line, name_of
from review.asides import Asides, asides_of
from review.colleagues import Earlier, Sides, earlier_decisions, sides_of
from review.doubts import Doubt
from review.evidence import Exhibit, exhibits
from review.forms import SURE, Form, form_of
from review.showing import Shown
from review.timing import is_genuine, shown_at
from review.typed import Typed
from review.wanted import Wanted

CLAIM_SECONDS: Final = 600
WARN_SECONDS: Final = 60
PAGES: Final = (
    "task",
    "history",
    "claim",
    "decide",
    "draft",
    "heartbeat",
    "release",
    "skip",
    "look",
    "pend",
    "resume",
    "send_back",
)
ASKED: Final[Mapping[str, int]] = {"dual": 2}


@dataclass(frozen=True, slots=True)
class Claim:
    """How long a claim lasts: ``seconds`` are left of its ``lease``."""

    token: str
    expires_at: datetime
    heartbeat_url: str
    lease: int = CLAIM_SECONDS
    warn: int = WARN_SECONDS

    @property
    def seconds(self) -> int:
        return max(0, round((self.expires_at - timezone.now()).total_seconds()))

    @property
    def clock(self) -> str:
        """``9:58``, as static/js/heartbeat.js counts on from it."""
        minutes, seconds = divmod(self.seconds, 60)
        return f"{minutes}:{seconds:02}"


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the last try was not taken: a sentence, and what is wrong by pointer."""

    message: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)

    def beside(self, form: Form) -> list[str]:
        """The problems that no control of the form shows."""
        others = (text for path, text in self.errors.items() if path not in form.paths)
        return [text for text in others if text != self.message]


@dataclass(frozen=True, slots=True)
class Screen:
    """What templates/review/task.html draws. ``claim`` is None until the seat is claimed."""

    shown: Shown
    urls: Mapping[str, str]
    form: Form
    typed: Typed | None
    refused: Refused
    claim: Claim | None
    shown_at: str
    earlier: list[Earlier]
    sides: Sides | None
    held_by: str = ""
    assigned_by: str = ""
    can_claim: bool = False
    why_not: str = ""
    seen: Seen | None = None
    asides: Asides = field(default_factory=Asides)

    @property
    def seat(self) -> Seat:
        return self.shown.seat

    @property
    def blind(self) -> bool:
        return self.shown.rules is None

    @property
    def human(self) -> bool:
        """Whether a person gives the output here, and judges none."""
        return self.shown.step.kind == "human" or self.shown.handed

    @property
    def low(self) -> bool:
        """Whether approving is no more prominent than the other answers."""
        sure = thresholds(self.shown.rules).get("", SURE)
        return self.shown.confidence is None or self.shown.confidence < sure

    @property
    def rated(self) -> bool:
        """Whether the agent said of single fields how sure it is, and this person may know."""
        return bool(self.shown.field_confidence)

    @property
    def doubt(self) -> Doubt | None:
        return self.shown.doubt

    @property
    def late(self) -> bool:
        return self.seat.due_at < timezone.now()

    @property
    def seats(self) -> int:
        """How many people are asked side by side."""
        right = self.shown.right
        if right is None or self.seat.purpose != "gate" or self.seat.level:
            return 1
        return ASKED.get(right.mode, right.seats)

    @property
    def seat_label(self) -> str:
        # After an undo a new seat may stand for one that was closed.
        number = min(self.seat.number, self.seats)
        return _("Seat %(number)s of %(seats)s") % {"number": number, "seats": self.seats}

    @property
    def output_title(self) -> str:
        if self.human:
            return _("Your answer")
        if self.doubt:
            return _("What came of it")
        return _("Output") if self.seat.round > 1 else _("Output of the agent")

    @property
    def tried(self) -> str:
        """Which agent gave the output and in which try, with its figures; nothing while blind."""
        attempt = self.shown.attempt
        if attempt is None or self.blind:
            return ""
        which = _("%(agent)s, try %(number)d")
        by = which % {"agent": agent_of(attempt), "number": attempt.number}
        return " · ".join(filter(None, (by, attempt_line(attempt, blind=True))))

    @property
    def purpose_label(self) -> str:
        return self.seat.get_purpose_display().capitalize()

    @property
    def exhibits(self) -> list[Exhibit]:
        files = partial(attached, self.shown.case.pk)
        found = exhibits(self.shown.evidence, self.shown.data, files)
        if self.shown.handed:
            return [Exhibit("json", _("Input of the step"), self.shown.given), *found]
        return found

    @property
    def problems(self) -> list[str]:
        return self.refused.beside(self.form)

    @property
    def comment(self) -> str:
        return self.typed.comment() if self.typed else ""

    @property
    def sheets(self) -> Mapping[str, Mapping[str, str]]:
        return (self.typed or Typed()).sheets


def screen_of(
    shown: Shown,
    actor: Actor,
    wanted: Wanted,
    *,
    typed: Typed | None = None,
    refused: Refused | None = None,
    began: str = "",
    seen: Seen | None = None,
) -> Screen:
    """The screen of a seat, holding what was ``typed``; ``began`` is its first ``shown_at``.
    ``seen`` is what the system of record says just now of a write in doubt.

    One more query where others have decided in this round, and one for an unclaimed seat.
    """
    seat = shown.seat
    urls = task_urls(seat.task_id, wanted)
    claim = claim_of(seat, actor, urls["heartbeat"])
    typed = typed or Typed.draft_of(seat, actor)
    refused = refused or Refused()
    earlier = [] if shown.rules is None else earlier_decisions(seat, _first_output(shown))
    holder = "" if claim else holder_of(seat)
    answer = None if claim else authority.may(actor, "claim", seat)
    return Screen(
        shown=shown,
        urls=urls,
        form=_form(shown, typed, refused),
        typed=typed,
        refused=refused,
        claim=claim,
        shown_at=began if is_genuine(seat.task_id, began) else shown_at(seat.task_id),
        earlier=earlier,
        sides=sides_of(earlier, _first_output(shown)) if seat.purpose == "adjudicate" else None,
        held_by=holder,
        assigned_by=name_of(seat.assigned_by) if _is_handed(seat, actor) else "",
        can_claim=answer is not None and answer.allowed and not holder,
        why_not=" ".join(answer.reasons) if answer and not holder else "",
        seen=seen,
        asides=asides_of(shown, actor, typed),
    )


def _is_handed(seat: Seat, actor: Actor) -> bool:
    """Whether somebody else has assigned the seat to the actor."""
    return seat.assigned_to_id == actor.pk and seat.assigned_by_id != actor.pk


def task_urls(task_id: int, wanted: Wanted) -> dict[str, str]:
    """The address of the page and of each button; the queue's filters go along."""
    urls = {name: reverse(f"review:{name}", args=[task_id]) for name in PAGES}
    return {name: wanted.on(url) for name, url in urls.items()}


def claim_of(seat: Seat, actor: Actor, heartbeat_url: str) -> Claim | None:
    """The claim that ``actor`` holds on the seat, if it lasts still."""
    until = seat.claim_expires_at
    if seat.claimed_by_id != actor.pk or until is None or until <= timezone.now():
        return None
    return Claim(str(seat.claim_token), until, heartbeat_url)


def holder_of(seat: Seat) -> str:
    """Who holds the seat at this moment, "" for nobody. Queries unless read along."""
    return name_of(seat.claimed_by) if seat.is_held(timezone.now()) else ""


def thresholds(rules: Sequence[Mapping[str, Any]] | None) -> dict[str, float]:
    """From where on the automatic rules call a field sure, by pointer; ``""`` for the whole."""
    found: dict[str, float] = {}
    for rule in rules or ():
        if rule["mode"] == "auto":
            found |= dict(_asked(rule["trace"]))
    return found


def _asked(trace: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    name, _, path = str(trace.get("fact", "")).partition("/")
    expected = trace.get("expected")
    if trace.get("op") in {"ge", "gt"} and isinstance(expected, int | float):
        if (name, path) == ("confidence", ""):
            yield "", expected
        elif name == "field_confidence":
            yield f"/{path}", expected
    for child in trace.get("children", ()):
        yield from _asked(child)


def _first_output(shown: Shown) -> Any:
    """What the agent said, before anybody corrected it."""
    return shown.attempt.output if shown.attempt else shown.output


def _form(shown: Shown, typed: Typed | None, refused: Refused) -> Form:
    return form_of(
        shown.schema,
        shown.output,
        confidence=shown.field_confidence,
        thresholds=thresholds(shown.rules),
        posted=typed.fields if typed else None,
        errors=refused.errors,
    )
