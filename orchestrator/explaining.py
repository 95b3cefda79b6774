"""Why a decision is as it is, in one sentence: who or which rule, of what, on what facts."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser

from orchestrator.engine import CONSENT
from orchestrator.models import Decision, Routing, WorkflowVersion
from orchestrator.templatetags.rewire import word


def explanation(decision: Decision, routing: Routing | None, who: str) -> str:
    """One sentence, and more of the same in the proof below it. ``who`` names the actor.

    "Approved by rule 3 “Small and sure” of version 2 under Alice: confidence 0.97 is at least
    0.90." Reads the version, its accountable person and the rule, so have them read along.
    """
    version = decision.task.case.version
    said, rule = word(decision.word), _rule(routing)
    under = f"version {version.number}{_under(version)}"
    because = f": {routing.reason}" if routing and routing.reason else ""
    if decision.via == "timeout":
        return f"{said} by {under}, because nobody decided in time. {_asked(rule, because)}"
    if decision.seat_id is None:
        return f"{said} by {rule or 'the rules'} of {under}{because}."
    if decision.via == CONSENT:
        return f"{said} by {who}, whose consent to this very output still held."
    asked = f"asked by {rule} of {under}" if rule else f"for no rule of {under} matched"
    return f"{said} by {who}{_instead(decision)}, {asked}{because}."


def _rule(routing: Routing | None) -> str:
    right = routing.right if routing else None
    if right is None:
        return ""
    return f"rule {right.position} “{right.name}”" if right.name else f"rule {right.position}"


def _asked(rule: str, because: str) -> str:
    return f"Asked by {rule}{because}." if rule else f"No rule matched{because}."


def _under(version: WorkflowVersion) -> str:
    return f" under {_name(version.accountable)}" if version.accountable else ""


def _instead(decision: Decision) -> str:
    other = decision.on_behalf_of
    return f" on behalf of {_name(other.user)}" if other and other.user else ""


def _name(user: AbstractBaseUser) -> str:
    full = getattr(user, "get_full_name", str)()
    return full or user.get_username()
