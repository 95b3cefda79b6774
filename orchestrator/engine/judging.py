"""An output meets the rules of its step: approved, blocked, or brought before people."""

from __future__ import annotations

from typing import Any

from orchestrator import routing
from orchestrator.diffing import digest
from orchestrator.engine.acts import Act
from orchestrator.engine.bench import routed_to
from orchestrator.engine.finishing import finish
from orchestrator.engine.incidents import open_incident
from orchestrator.engine.rework import was_returned
from orchestrator.engine.rounds import facts_of, offer, record_route
from orchestrator.engine.stopping import may_approve
from orchestrator.models import ASKING, Attempt, Decision, DecisionRight, Mode, Routing, Task, Word
from orchestrator.models.rows import insert

STOPPED = "automatic approval is stopped"
RETURNED = "it was sent back to be done anew"


def judge(act: Act, task: Task, attempt: Attempt) -> None:
    """Send an attempt's valid output where the rules of the step say."""
    act.note(
        "attempt.finished",
        {"task": task.pk, "attempt": attempt.pk},
        {"number": attempt.number, "output": digest(attempt.output)},
        actor=attempt.actor,
    )
    task.proposal = attempt.output
    apply_rules(act, task, attempt)


def apply_rules(act: Act, task: Task, attempt: Attempt) -> None:
    """Have the rules of the step say where the attempt's output goes."""
    rules = act.definition.rules[task.step_key]
    if not rules:
        finish(act, task, "", attempt.output, [])
        return
    facts = facts_of(act, task, attempt, attempt.output)
    route = routing.route(rules, facts)
    if route.mode == Mode.AUTO and was_returned(task):
        _ask(act, task, attempt, route, facts, reason=RETURNED)
    elif route.mode == Mode.AUTO and not may_approve(act.definition.version.workflow):
        _ask(act, task, attempt, route, facts, reason=STOPPED)
    elif route.mode in (Mode.AUTO, Mode.BLOCK):
        _rule_decides(act, task, attempt, route, facts)
    else:
        _ask(act, task, attempt, route, facts)


def _rule_decides(
    act: Act, task: Task, attempt: Attempt, route: routing.Route, facts: dict[str, Any]
) -> None:
    """The published version decides, in the name of who answers for it; never the agent."""
    right = act.definition.right_at(task.step_key, route.position)
    routed = record_route(
        act, task, route, right, attempt=attempt, action=Mode(route.mode), facts=facts
    )
    word = Word.APPROVED if route.mode == Mode.AUTO else Word.REJECTED
    output = attempt.output if word == Word.APPROVED else None
    decision = decide_by_rule(act, task, routed, word, output)
    finish(act, task, word, output, [decision])


def decide_by_rule(act: Act, task: Task, routed: Routing, word: Word, output: Any) -> Decision:
    """A decision of the version itself, as ``rule:<version>/<n>``."""
    definition = act.definition
    position = routed.right.position if routed.right else 0
    decision = Decision(
        task=task,
        round=task.round,
        actor=definition.policy,
        on_behalf_of=definition.accountable,
        via=f"rule:{definition.version.number}/{position}",
        word=word,
        output=output,
        proof=proof_of(act, routed),
        created_at=act.now,
    )
    insert(decision)
    routed_to(decision, routed, routed.attempt)
    note_decision(act, decision)
    return decision


def note_decision(act: Act, decision: Decision) -> None:
    refs = {"task": decision.task_id, "decision": decision.pk}
    if decision.seat_id:
        refs["seat"] = decision.seat_id
    payload = {"word": str(decision.word), "via": decision.via, "round": decision.round}
    act.note("decision.made", refs, payload, actor=decision.actor)


def proof_of(act: Act, routed: Routing, **more: Any) -> dict[str, Any]:
    """What a decision rests on: version, rule, accountable person and the values seen."""
    right = routed.right
    return {
        "version": act.definition.version.number,
        "rule": right and right.position,
        "rule_name": right.name if right else "",
        "accountable": str(act.definition.accountable),
        "routing": routed.pk,
        "reason": routed.reason,
        "facts": routed.facts,
        **more,
    }


def _ask(
    act: Act,
    task: Task,
    attempt: Attempt,
    route: routing.Route,
    facts: dict[str, Any],
    *,
    reason: str = "",
) -> None:
    right = asked_right(act, task, route)
    action = Mode(right.mode) if right else Mode.REVIEW
    routed = record_route(
        act, task, route, right, attempt=attempt, action=action, facts=facts, reason=reason
    )
    if right is None:
        task.save(update_fields=["round", "proposal"])
        message = f"{routed.reason}, and no rule of this step asks a person."
        open_incident(act, task, "nobody", message)
        return
    offer(act, task, routed, right)


def asked_right(act: Act, task: Task, route: routing.Route) -> DecisionRight | None:
    """Which rule says who decides: the one that fired, or the step's last one that asks."""
    right = act.definition.right_at(task.step_key, route.position)
    if right is not None and right.mode in ASKING:
        return right
    return act.definition.right_at(task.step_key, None)
