"""Why a decision is as it is, in one sentence: who or which rule, of what, on what facts."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser
from django.utils.translation import gettext as _

from orchestrator.engine import CONSENT
from orchestrator.models import Decision, Routing, WorkflowVersion
from orchestrator.telling import reason_of
from orchestrator.templatetags.rewire import word


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
