"""The verbs: one plain function per business act, one transaction each."""

# These say what happens when a case comes to a step of their kind.
from orchestrator.engine import branching, calling, tables  # noqa: F401
from orchestrator.engine.assigning import assign, hindrances, unassign
from orchestrator.engine.bench import route_of
from orchestrator.engine.cancelling import cancel_case
from orchestrator.engine.claims import (
    claim,
    claim_next,
    heartbeat,
    release,
    save_draft,
    skip,
    unclaim,
)
from orchestrator.engine.counting import fold_counters, rebuild_counters
from orchestrator.engine.deciding import Decided, decide, screen_digest
from orchestrator.engine.definition import allowed_words, definition_of
from orchestrator.engine.failing import expire_leases
from orchestrator.engine.finishing import CONSENT, settle_due, verdict_watermark
from orchestrator.engine.orphans import Orphan, orphans
from orchestrator.engine.publishing import publish
from orchestrator.engine.resolving import retry, skip_step
from orchestrator.engine.scopes import data_of
from orchestrator.engine.signals import Signalled, signal
from orchestrator.engine.starting import Outcome, Started, start_case, start_cases
from orchestrator.engine.stopping import CHANGES, changes, halt, halted, resume
from orchestrator.engine.timeouts import expire_seats
from orchestrator.engine.timers import fire_timers
from orchestrator.engine.undoing import undo
from orchestrator.engine.working import (
    claim_work,
    is_work_ready,
    perform,
    submit_output,
    work_until_idle,
)

__all__ = [
    "CHANGES",
    "CONSENT",
    "Decided",
    "Orphan",
    "Outcome",
    "Signalled",
    "Started",
    "allowed_words",
    "assign",
    "cancel_case",
    "changes",
    "claim",
    "claim_next",
    "claim_work",
    "data_of",
    "decide",
    "definition_of",
    "expire_leases",
    "expire_seats",
    "fire_timers",
    "fold_counters",
    "halt",
    "halted",
    "heartbeat",
    "hindrances",
    "is_work_ready",
    "orphans",
    "perform",
    "publish",
    "rebuild_counters",
    "release",
    "resume",
    "retry",
    "route_of",
    "save_draft",
    "screen_digest",
    "settle_due",
    "signal",
    "skip",
    "skip_step",
    "start_case",
    "start_cases",
    "submit_output",
    "unassign",
    "unclaim",
    "undo",
    "verdict_watermark",
    "work_until_idle",
]
