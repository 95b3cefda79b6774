"""The statements that read feedback. Values under nested keys leave PostgreSQL as JSON text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

Kind = Literal["row", "answer", "preference", "judgement", "task"]
"""Every row; or one that teaches what to say, which of two answers is better, whether the
agent's answer was good, or what was said and what is right, as far as anybody knows."""

# Seeded answers belong to the reviewer's record: they are no feedback.
_ALWAYS: Final = (
    "verdict.workflow_id = ANY(%(workflows)s)",
    "verdict.id > %(since)s",
    "verdict.id <= %(watermark)s",
    "verdict.source <> 'seed'",
    "kase.origin <> 'seed'",
)
_OPTIONAL: Final = {
    "start": "decision.created_at >= %(start)s",
    "end": "decision.created_at < %(end)s",
    "decision": "decision.word = %(decision)s",
    "reviewers": "decision.actor_id = ANY(%(reviewers)s)",
}
# Only what a person said teaches, and only where it is what stands: a rule's approval, and a
# dissenter whom the others overruled, say nothing of what is right. Who said it first teaches
# it for all, so that four eyes make one example.
_ENDS: Final = """
    {0}.word IN ('approved', 'corrected', 'responded') AND {0}.output = task.output
        AND task.word <> 'rejected'
    OR {0}.word = 'rejected' AND task.word = 'rejected'
"""
# Sending back judges the step that is done anew: its earlier answer teaches nothing any more, and
# an answer that only came of it was not said to be wrong.
_STANDS: Final = """
    CASE decision.word WHEN 'rejected'
        THEN COALESCE(decision.proof -> 'sent_back' ->> 'to' = task.step_key, TRUE)
        ELSE NOT EXISTS (
            SELECT FROM orchestrator_task later
            WHERE later.case_id = task.case_id AND later.step_key = task.step_key
                AND later.scope = task.scope AND later.visit > task.visit
                AND later.brief ? 'from'
        ) END
"""
_TEACHES: Final = f"""
    (SELECT kind FROM orchestrator_actor WHERE id = decision.actor_id) = 'human'
    AND ({_ENDS.format("decision")})
    AND {_STANDS}
    AND NOT EXISTS (
        SELECT FROM orchestrator_decision sooner
        JOIN orchestrator_verdict settled ON settled.decision_id = sooner.id
        JOIN orchestrator_actor who ON who.id = sooner.actor_id
        WHERE sooner.task_id = decision.task_id AND settled.id < verdict.id
            AND settled.source <> 'seed' AND who.kind = 'human' AND ({_ENDS.format("sooner")})
    )
"""  # noqa: S608
_AGENT_SAID: Final = """(
    SELECT attempt.output FROM orchestrator_routing earlier
    JOIN orchestrator_attempt attempt ON attempt.id = earlier.attempt_id
    WHERE earlier.task_id = task.id AND earlier.round <= decision.round
    ORDER BY earlier.round DESC LIMIT 1
)"""
_FITS: Final[Mapping[Kind, str]] = {
    "row": "TRUE",
    "answer": f"decision.word <> 'rejected' AND {_TEACHES}",
    "preference": f"""
        decision.word IN ('approved', 'corrected') AND {_TEACHES}
        AND {_AGENT_SAID} <> task.output
    """,
    "judgement": f"""
        decision.word <> 'responded' AND {_TEACHES}
        AND CASE decision.word WHEN 'rejected' THEN {_AGENT_SAID} IS NOT NULL
            ELSE {_AGENT_SAID} = task.output END
    """,
    "task": f"{_TEACHES} AND (decision.word <> 'rejected' OR {_AGENT_SAID} IS NOT NULL)",
}
_SETTLED: Final = """
    FROM orchestrator_verdict verdict
    JOIN orchestrator_decision decision ON decision.id = verdict.decision_id
    JOIN orchestrator_task task ON task.id = decision.task_id
    JOIN orchestrator_case kase ON kase.id = task.case_id
    WHERE {conditions}
"""
_NAME: Final = "{0}.name || CASE {0}.revision WHEN '' THEN '' ELSE '@' || {0}.revision END"

# Filters and limit work on few tables, in the order of the cursor; the rest joins a batch only.
_BATCH: Final = """
SELECT
    page.verdict_id, page.decision_id, workflow.slug, version.number, page.step_key,
    page.case_id, page.case_key, page.task_id, attempt.input::text, attempt.output::text,
    CASE page.task_word WHEN 'rejected' THEN NULL ELSE page.task_output END::text,
    page.word, COALESCE(corrections.list, '[]'), page.patch::text,
    attempt.confidence, attempt.field_confidence::text, NULL,
    json_build_object('mode', routing.action, 'why', routing.reason)::text,
    NULLIF(attempt.model, ''), {agent}, COALESCE(person.username, {reviewer}), reviewer.kind,
    page.source = 'audit', COALESCE(seat.blind, FALSE), page.seconds, page.comment, page.decided_at,
    page.said IS NOT NULL,
    CASE WHEN page.said IS DISTINCT FROM attempt.output THEN page.said::text END,
    page.round = 1,
    CASE WHEN attempt.input IS NULL THEN page.data::text END, page.provenance::text
FROM (
    SELECT
        verdict.id AS verdict_id, verdict.workflow_id, verdict.source,
        decision.id AS decision_id, decision.actor_id, decision.seat_id, decision.round,
        decision.word, decision.patch, decision.seconds, decision.comment,
        decision.output AS said, decision.created_at AS decided_at,
        task.id AS task_id, task.step_id, task.step_key,
        task.word AS task_word, task.output AS task_output,
        kase.id AS case_id, kase.key AS case_key, kase.data, kase.provenance
    {settled}
    ORDER BY verdict.id
    LIMIT %(batch)s
) page
JOIN orchestrator_workflow workflow ON workflow.id = page.workflow_id
JOIN orchestrator_step step ON step.id = page.step_id
JOIN orchestrator_workflowversion version ON version.id = step.version_id
JOIN orchestrator_actor reviewer ON reviewer.id = page.actor_id
LEFT JOIN auth_user person ON person.id = reviewer.user_id
LEFT JOIN orchestrator_seat seat ON seat.id = page.seat_id
LEFT JOIN orchestrator_routing routing
    ON routing.task_id = page.task_id AND routing.round = page.round
LEFT JOIN LATERAL (
    SELECT attempt_id FROM orchestrator_routing earlier
    WHERE earlier.task_id = page.task_id AND earlier.round <= page.round
        AND attempt_id IS NOT NULL
    ORDER BY earlier.round DESC LIMIT 1
) judged ON TRUE
LEFT JOIN orchestrator_attempt attempt ON attempt.id = judged.attempt_id
LEFT JOIN orchestrator_actor agent ON agent.id = attempt.actor_id
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
        'path', path, 'op', op, 'before', before, 'after', after, 'reason', NULLIF(reason, '')
    ) ORDER BY id)::text AS list
    FROM orchestrator_correction WHERE decision_id = page.decision_id
) corrections ON TRUE
ORDER BY page.verdict_id
"""
_COUNT: Final = """
SELECT count(*), count(*) FILTER (WHERE fits), COALESCE(max(id), 0)
FROM (SELECT verdict.id, {fits} AS fits {settled} ORDER BY verdict.id LIMIT %(most)s) matching
"""


def batch(parameters: Mapping[str, Any], kind: Kind) -> str:
    return _BATCH.format(
        settled=_settled(parameters, _FITS[kind]),
        agent=_NAME.format("agent"),
        reviewer=_NAME.format("reviewer"),
    )


def count(parameters: Mapping[str, Any], kind: Kind) -> str:
    return _COUNT.format(settled=_settled(parameters), fits=_FITS[kind])


def _settled(parameters: Mapping[str, Any], *more: str) -> str:
    """Only texts of this module come into the statement; values travel as parameters."""
    optional = (text for name, text in _OPTIONAL.items() if name in parameters)
    return _SETTLED.format(conditions=" AND ".join((*_ALWAYS, *optional, *more)))
