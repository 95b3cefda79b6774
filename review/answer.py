"""What a post of the task page decides, or why it decides nothing yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import schema
from orchestrator.diffing import Change, diff, same
from orchestrator.models import Task, Word
from review.screens import Refused
from review.typed import Typed

NO_WORD: Final = gettext_noop(
    "Say what you decide: approve it, correct it, or one of the other answers."
)
CHANGED: Final = gettext_noop(
    "You changed fields. Save them as a correction, or put them back to approve."
)
UNCHANGED: Final = gettext_noop("Nothing is changed. Approve it, or change what is wrong first.")
UNREADABLE: Final = gettext_noop("This cannot be saved yet.")
NO_TEXT: Final = gettext_noop("Write your answer first.")


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision as the engine takes it; ``refused`` says what to do first."""

    word: str
    output: Any = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""
    refused: Refused | None = None


def answer_of(task: Task, word: str, typed: Typed, *, gives: bool = False) -> Answer:
    """Read what was typed about ``task.proposal`` as a decision of this word.

    ``gives`` says that there is no such output: who answers gives it.
    """
    comment = typed.comment(word).strip()
    match word:
        case Word.APPROVED:
            return _approval(task, typed, comment)
        case Word.CORRECTED:
            return _correction(task, typed, comment)
        case Word.RESPONDED:
            return _response(task, typed, comment, gives=gives)
        case Word.REJECTED | Word.ESCALATED:
            reason = typed.sheets[word]["reason"]
            return Answer(word, reasons={"": reason} if reason else {}, comment=comment)
    return Answer(word, refused=Refused(_(NO_WORD)))


def finding_of(task: Task, word: str, typed: Typed, known: Any) -> Answer:
    """What somebody found of a write in doubt: that it happened comes with the output it had.

    ``known`` is what the system of record has, as far as somebody looked.
    """
    if word not in (Word.APPROVED, Word.CORRECTED):
        return answer_of(task, word, typed)
    comment = typed.comment(word).strip()
    value, errors = schema.parse(task.step.schema, typed.fields or {})
    if errors:
        return Answer(word, refused=Refused(_(UNREADABLE), errors))
    if known is not None and same(known, value):
        return Answer(Word.APPROVED, comment=comment)
    return Answer(Word.CORRECTED, value, comment=comment)


def typed_changes(task: Task, typed: Typed) -> list[Change]:
    """What was typed against what was there, unreadable text and all."""
    if typed.fields is None:
        return []
    return diff(task.proposal, schema.parse(task.step.schema, typed.fields)[0])


def _approval(task: Task, typed: Typed, comment: str) -> Answer:
    if typed.fields is None:
        return Answer(Word.APPROVED, comment=comment)
    value, errors = schema.parse(task.step.schema, typed.fields)
    if diff(task.proposal, value):
        return Answer(Word.APPROVED, refused=Refused(_(CHANGED), errors))
    return Answer(Word.APPROVED, comment=comment)


def _correction(task: Task, typed: Typed, comment: str) -> Answer:
    value, errors = schema.parse(task.step.schema, typed.fields or {})
    if errors:
        return Answer(Word.CORRECTED, refused=Refused(_(UNREADABLE), errors))
    changes = diff(task.proposal, value)
    if not changes:
        return Answer(Word.CORRECTED, refused=Refused(_(UNCHANGED)))
    return Answer(Word.CORRECTED, value, _reasons(typed, changes), comment)


def _response(task: Task, typed: Typed, comment: str, *, gives: bool) -> Answer:
    """What a person does is answered with its form, an agent's output with words."""
    if not gives and task.step.kind != "human":
        refused = None if comment else Refused(_(NO_TEXT))
        return Answer(Word.RESPONDED, comment=comment, refused=refused)
    value, errors = schema.parse(task.step.schema, typed.fields or {})
    refused = Refused(_(UNREADABLE), errors) if errors else None
    return Answer(Word.RESPONDED, value, comment=comment, refused=refused)


def _reasons(typed: Typed, changes: Iterable[Change]) -> dict[str, str]:
    """The reasons beside fields that did change; one that was changed back needs none."""
    paths = [change.path for change in changes]
    return {
        path: code
        for path, code in typed.reasons.items()
        if any(_touch(path, changed) for changed in paths)
    }


def _touch(path: str, other: str) -> bool:
    return path == other or path.startswith(f"{other}/") or other.startswith(f"{path}/")
