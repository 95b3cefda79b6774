"""The verbs: one plain function per business act, one transaction each."""

# These say what happens when a case comes to a step of their kind.
from orchestrator.engine import branching, calling, tables  # noqa: F401
from orchestrator.engine.assigning import assign, hindrances, unassign
from orchestrator.engine.bench import is_handed, route_of
from orchestrator.engine.breaking import close_breaker
from orchestrator.engine.briefing import brief_of
from orchestrator.engine.bulk import begin_bulk, is_bulk_pending, work_bulks
from orchestrator.engine.cancelling import cancel_case, cancel_for
from orchestrator.engine.claims import claim, heartbeat, release, save_draft, skip, unclaim
from orchestrator.engine.counting import fold_counters, rebuild_counters
from orchestrator.engine.deciding import Decided, decide
from orchestrator.engine.definition import allowed_words, definition_of
from orchestrator.engine.entrusting import entrust, not_fit
from orchestrator.engine.failing import expire_leases
from orchestrator.engine.fetching import complete_work, fail_work, fetch_work, renew_work, tell_work
from orchestrator.engine.finishing import CONSENT, settle_due, verdict_watermark
from orchestrator.engine.giving import TAKES_INPUT, give_input
from orchestrator.engine.handing import hand_over, keeps_output, place_of
from orchestrator.engine.lanes import Fetched, claim_work, is_work_ready
from orchestrator.engine.migrating import MIGRATE, REVERT, migrate, revert
from orchestrator.engine.orphans import Orphan, orphans
from orchestrator.engine.pending import pend, resume_due, signals_of, unpend
from orchestrator.engine.picking import claim_next
from orchestrator.engine.planning import DryRun, Plan, dry_run, plan_of, same_steps
from orchestrator.engine.publishing import publish
from orchestrator.engine.reconciling import Seen, look, words_on
from orchestrator.engine.resolving import retry, skip_step
from orchestrator.engine.resolving_many import MOST_AT_ONCE, RESOLVES, resolve_many
from orchestrator.engine.returning import send_back, targets
from orchestrator.engine.rework import most_visits, visits_of
from orchestrator.engine.scopes import data_of, input_of
from orchestrator.engine.signals import Signalled, signal
from orchestrator.engine.staleness import screen_digest
from orchestrator.engine.starting import Outcome, Started, start_case, start_cases
from orchestrator.engine.stopping import CHANGES, changes, halt, halted, resume
from orchestrator.engine.timeouts import expire_seats, fire_seat_timers
from orchestrator.engine.timers import fire_timers
from orchestrator.engine.undoing import undo
from orchestrator.engine.unwinding import undone_by_cancelling
from orchestrator.engine.versions import agent_of
from orchestrator.engine.working import perform, submit_output, work_until_idle

__all__ = [
    "CHANGES",
    "CONSENT",
    "MIGRATE",
    "MOST_AT_ONCE",
    "RESOLVES",
    "REVERT",
    "TAKES_INPUT",
    "Decided",
    "DryRun",
    "Fetched",
    "Orphan",
    "Outcome",
    "Plan",
    "Seen",
    "Signalled",
    "Started",
    "agent_of",
    "allowed_words",
    "assign",
    "begin_bulk",
    "brief_of",
    "cancel_case",
    "cancel_for",
    "changes",
    "claim",
    "claim_next",
    "claim_work",
    "close_breaker",
    "complete_work",
    "data_of",
    "decide",
    "definition_of",
    "dry_run",
    "entrust",
    "expire_leases",
    "expire_seats",
    "fail_work",
    "fetch_work",
    "fire_seat_timers",
    "fire_timers",
    "fold_counters",
    "give_input",
    "halt",
    "halted",
    "hand_over",
    "heartbeat",
    "hindrances",
    "input_of",
    "is_bulk_pending",
    "is_handed",
    "is_work_ready",
    "keeps_output",
    "look",
    "migrate",
    "most_visits",
    "not_fit",
    "orphans",
    "pend",
    "perform",
    "place_of",
    "plan_of",
    "publish",
    "rebuild_counters",
    "release",
    "renew_work",
    "resolve_many",
    "resume",
    "resume_due",
    "retry",
    "revert",
    "route_of",
    "same_steps",
    "save_draft",
    "screen_digest",
    "send_back",
    "settle_due",
    "signal",
    "signals_of",
    "skip",
    "skip_step",
    "start_case",
    "start_cases",
    "submit_output",
    "targets",
    "tell_work",
    "unassign",
    "unclaim",
    "undo",
    "undone_by_cancelling",
    "unpend",
    "verdict_watermark",
    "visits_of",
    "words_on",
    "work_bulks",
    "work_until_idle",
]
