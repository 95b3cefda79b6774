"""Why a decision is as it is, in one sentence: who, which rule or row, which branches, on what
facts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from django.contrib.auth.models import AbstractBaseUser
from django.db.models import Q
from django.utils.translation import gettext as _

from orchestrator.engine import CONSENT
from orchestrator.models import (
    Attempt,
    Decision,
    Routing,
    StepKind,
    Task,
    TaskState,
    Word,
    WorkflowVersion,
)
from orchestrator.spelling import listed, number
from orchestrator.telling import reason_of, trace_told
from orchestrator.templatetags.rewire import word
from orchestrator.whereabouts import branch_of

NAMED: Final = 5
"""Branches that a sentence names; of more it gives the number."""
MOST_MISSED: Final = 1000


def explanation(decision: Decision, routing: Routing | None, who: str) -> str:
    """One sentence, and more of the same in the proof below it. ``who`` names the actor.

    "Approved by rule 3 “Small and sure” of version 2 under Alice: confidence 0.97 is at least
    0.90." Reads the version, its accountable person and the rule, so have them read along.
    """
    said = {
        "did": word(decision.word),
        "who": who + _instead(decision),
        "rule": _rule(routing),
        "under": _under(decision.task.case.version),
        "because": f": {because}" if (because := routing and reason_of(routing)) else "",
    }
    return _sentence(decision, matched=bool(said["rule"])) % said


def _sentence(decision: Decision, *, matched: bool) -> str:
    """A pattern with did, who, rule, under and because; ``matched``: a rule asked or decided."""
    if decision.via == "timeout":
        late = _("%(did)s by %(under)s, because nobody decided in time.")
        asked = _("Asked by %(rule)s%(because)s.") if matched else _("No rule matched%(because)s.")
        return f"{late} {asked}"
    if decision.seat_id is None:
        if matched:
            return _("%(did)s by %(rule)s of %(under)s%(because)s.")
        return _("%(did)s by the rules of %(under)s%(because)s.")
    if decision.via == CONSENT:
        return _("%(did)s by %(who)s, whose consent to this very output still held.")
    if matched:
        return _("%(did)s by %(who)s, asked by %(rule)s of %(under)s%(because)s.")
    return _("%(did)s by %(who)s, asked for no rule of %(under)s matched%(because)s.")


def _rule(routing: Routing | None) -> str:
    right = routing.right if routing else None
    if right is None:
        return ""
    if right.name:
        return _("rule %(number)s “%(name)s”") % {"number": right.position, "name": right.name}
    return _("rule %s") % right.position


def _under(version: WorkflowVersion) -> str:
    if version.accountable is None:
        return _("version %s") % version.number
    told = {"number": version.number, "name": _name(version.accountable)}
    return _("version %(number)s under %(name)s") % told


def _instead(decision: Decision) -> str:
    other = decision.on_behalf_of
    return _(" on behalf of %s") % _name(other.user) if other and other.user else ""


def _name(user: AbstractBaseUser) -> str:
    full = getattr(user, "get_full_name", str)()
    return full or user.get_username()


def rows_tried(attempt: Attempt) -> list[Mapping[str, Any]]:
    """The traces of a decision table's rows up to the one that holds; none of anything else."""
    found = attempt.input.get("rows") if isinstance(attempt.input, dict) else None
    is_table = attempt.actor.kind == "policy" and isinstance(found, list)
    return list(found) if is_table and found else []


def table_told(attempt: Attempt) -> str:
    """Which row of a table held and why: "Row 2 holds: sum 7 is at most 100." """
    rows = rows_tried(attempt)
    if not rows:
        return ""
    said = {"number": number(rows[-1]["row"]), "why": trace_told(rows[-1])}
    return _("Row %(number)s holds: %(why)s.") % said


def joins_told(tasks: Iterable[Task]) -> dict[int, str]:
    """Join -> which of its branches came, which were called off. One query, or none."""
    joins = [task for task in tasks if task.step.kind == StepKind.JOIN]
    if not joins:
        return {}
    rows = Task.objects.filter(
        Q(state=TaskState.CANCELLED) | Q(state=TaskState.COMPLETED, word=Word.REJECTED),
        parent__in=[join.pk for join in joins],
    )
    missed: dict[int, list[Task]] = defaultdict(list)
    for task in rows.select_related("step").order_by("pk")[:MOST_MISSED]:
        missed[task.parent_id or 0].append(task)
    return {join.pk: _joined(join, missed[join.pk]) for join in joins}


def _joined(join: Task, missed: Sequence[Task]) -> str:
    came = {"arrived": number(join.arrived), "count": number(join.expects)}
    called_off = [task for task in missed if task.state == TaskState.CANCELLED]
    rejected = [task for task in missed if task.state == TaskState.COMPLETED]
    parts = [
        _("%(arrived)s of %(count)s branches came") % came,
        _("called off: %s") % _named(called_off) if called_off else "",
        _("rejected: %s") % _named(rejected) if rejected else "",
    ]
    return "; ".join(filter(None, parts)) + "."


def _named(tasks: Sequence[Task]) -> str:
    names = list(dict.fromkeys(branch_of(task) for task in tasks))
    more = len(names) - NAMED
    if more > 0:
        return listed([*names[:NAMED], _("%s more") % number(more)], _("and"))
    return listed(names, _("and"))
