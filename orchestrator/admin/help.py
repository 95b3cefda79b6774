"""What stands below the fields of the admin: a sentence and an example for each.

By the name of the model and of the field. A test holds that no field is without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from orchestrator import calendars

shown_lazy = lazy(format_html, SafeString)

WORKFLOW: Final[Mapping[str, Any]] = {
    "name": _("What people call it. Example: Expense claims."),
    "slug": _("Its name in addresses, files and the API. Example: expense-claims."),
    "description": _(
        "What it is for, in a sentence or two. Example: Reads receipts and books what is in order."
    ),
    "owner": _("Who answers for it and changes its drafts. Example: alice."),
    "groups": _("Whose members see this workflow and its cases. Example: Finance."),
}
VERSION: Final[Mapping[str, Any]] = {
    "accountable": _("Who answers for what the rules of this version approve. Example: alice."),
    "notes": _("What is new in this version, and why. Example: The limit falls from 100 to 50."),
    "signals": _(
        "Signals that may come at any time, and where the case file keeps what they bring. "
        "Example: moved, /address, /to."
    ),
    "calendar": shown_lazy(
        "{} <br><code>{}</code>",
        _("In what hours the times of the rules count. Empty: every hour counts. For example:"),
        calendars.EXAMPLE.strip(),
    ),
}
STEP: Final[Mapping[str, Any]] = {
    "name": _("What people read for it. Example: Read the receipt."),
    "key": _("Its name in rules, files and the API. Example: read."),
    "kind": _(
        "What happens here: an agent's output is judged by rules, a human step is a form. "
        "Example: agent."
    ),
    "actor": _("Who performs it; people and the other kinds need none. Example: reader@1."),
    "outcome": _("How a case that ends here ended. Example: booked."),
    "instructions": _(
        "What reviewers should look for. Example: Compare the amount with the receipt."
    ),
    "input_mapping": _(
        "What the actor gets, by name; empty is the whole case. Example: {message: /mail/text}."
    ),
    "output_mapping": _(
        "What the case keeps of the output; empty is all of it, under the step's key. "
        'Example: {/expense: ""}.'
    ),
    "material": _(
        "The fields that count when two people must agree; empty is every field. "
        "Example: [/amount, /currency]."
    ),
    "limit": _("The number of the output that people's limits are about. Example: /amount."),
    "undo_seconds": _("How long a person can take a decision back; 0s turns it off. Example: 10s."),
    "call": _(
        "What the connection needs to know for this step. Example: {method: POST, path: /refunds}."
    ),
    "effect": _("What a second try of the call would do. Example: pure, where it only reads."),
    "retry": _(
        "How often to try, the shortest and longest wait between, and what then: incident, "
        "or undo. Example: {attempts: 3, base: 2s, cap: 60s}."
    ),
    "timeout": _("How long one try may take, 90s at most. Example: 30s."),
    "rework_to": _(
        "The steps that a reviewer may send this back to; none chosen is none. Example: Read."
    ),
    "rework_visits": _("How often a case comes to such a step in all; empty is 3. Example: 4."),
    "compensated_by": _(
        "The step that undoes this one when the case is cancelled. Example: refund_back."
    ),
}
FLOW: Final[Mapping[str, Any]] = {
    "after": _("How long a case waits here. Example: 3d."),
    "working": _("Only the hours of the version's calendar count. Example: yes, for 2 work days."),
    "until": _("A place of the case file that holds a date or a time. Example: /order/sent_on."),
    "signal": _("The name of what is waited for; whoever sends it uses it. Example: paid."),
    "within": _("How long it is waited for; then a way on asks for that. Example: 14d."),
    "match": _(
        "Where several wait for one name: what tells them apart. "
        "Example: /line in the signal is /item/id in the case."
    ),
    "join": _("The join at which the branches end. Example: Prepared."),
    "complete_when": _("Which of them are waited for; the rest is called off. Example: all."),
    "enough": _("How many, where a number of them is enough. Example: 2."),
    "merge": _("Which branch counts where two write the same place. Example: /notes, all."),
    "items": _("The list of the case file; the way on is taken for each item. Example: /lines."),
    "as": _("Where a branch finds its item; empty is /item. Example: /line."),
    "collect": _("Where the list of what the branches wrote goes. Example: /picked."),
    "at_once": _("How many branches are under way at once; empty is 10. Example: 5."),
    "workflow": _("Whose published version runs a case of its own. Example: Shipping."),
}
"""For the fields of what only one kind of step has."""

RIGHT: Final[Mapping[str, Any]] = {
    "name": _("What people read for the rule. Example: Small and sure."),
    "mode": _(
        "What happens where it holds: automatic approves without asking anybody, blocked rejects. "
        "Example: one reviewer."
    ),
    "group": _("Whose members decide; only groups that exist. Example: Expense reviewers."),
    "escalates_to": _(
        "Who is asked next when somebody escalates or time is up. Example: Expense leads."
    ),
    "allowed": _("What they may say; none chosen is all of it. Example: approved and rejected."),
    "decide_within": _("How long they have, in working hours. Example: 4h."),
    "start_within": _("How soon somebody should begin; empty is no such time. Example: 30m."),
    "remind_before": _("How long before the end they are reminded; empty is never. Example: 1h."),
    "on_timeout": _("What happens when time is up; silence never approves. Example: escalated."),
    "blind": _(
        "They see neither the confidence nor the reason nor what others said. "
        "Example: yes, for a second look that owes nothing to the first."
    ),
    "seats": _("How many people a panel asks; other modes ask one or two. Example: 3."),
    "approvals": _("How many of a panel have to agree. Example: 2."),
}
TRANSITION: Final[Mapping[str, Any]] = {
    "target": _("The step that comes next where the condition holds. Example: Booked."),
}
ACTOR: Final[Mapping[str, Any]] = {
    "kind": _("What it is: an agent is judged, automation and systems only run. Example: agent."),
    "name": _("What people and the log call it. Example: receipt-reader."),
    "revision": _(
        "Which one of its name: a changed model or prompt is a new revision. Example: 2."
    ),
    "connection": _(
        "Over what it is reached; an agent that brings its output needs none. Example: reader."
    ),
}
CONNECTION: Final[Mapping[str, Any]] = {
    "name": _("How files and actors name it. Example: ledger."),
    "kind": _("Which connector speaks to the other side. Example: http."),
    "settings": _(
        "What the connector needs, as YAML; each kind's own stand below. "
        "Example: {url: 'https://ledger.example'}."
    ),
    "new_secret": _(
        "The key or password, never shown again; empty keeps what is set. Example: an API key."
    ),
    "forget_secret": _(
        "Take the secret away when this is saved. Example: yes, when the key was revoked."
    ),
    "bulkhead": _("How many calls may be under way at once. Example: 8."),
    "breaker_after": _("After how many failures in a row calls pause. Example: 5."),
    "breaker_seconds": _("How many seconds they pause before one tries again. Example: 30."),
}
GRANT: Final[Mapping[str, Any]] = {
    "effect": _("Whether it gives the right or withholds it. Example: allow."),
    "action": _("What may be done, or may not. Example: decide."),
    "actor": _("Who holds it; name either an actor or a group. Example: bea."),
    "group": _("Whose members hold it. Example: Expense reviewers."),
    "workflow": _("In which workflow; empty is in all of them. Example: Expense claims."),
    "step_key": _("At which step, by its key; empty is at all of them. Example: read."),
    "limits": _("The most that may be decided; empty is no limit. Example: {max: 500}."),
    "stands_in_for": _(
        "For whom the holder decides; it holds while they could themselves. Example: lea."
    ),
    "may_delegate": _(
        "Whether the holder may pass it on. Example: yes, for a lead who names deputies."
    ),
    "begins": _("From when it holds, in UTC; empty is now. Example: 2025-07-01 08:00."),
    "ends": _(
        "Until when it holds, in UTC; empty is open, and it is set once. Example: 2025-07-31 18:00."
    ),
}
KEY: Final[Mapping[str, Any]] = {
    "name": _("What uses this key. Example: The shop's order service."),
    "actor": _("As whom the program acts. Example: shop."),
    "scopes": _("What it may be used for. Example: cases, to start cases and read them."),
}
HELP: Final[Mapping[str, Mapping[str, Any]]] = {
    "Workflow": WORKFLOW,
    "WorkflowVersion": VERSION,
    "Step": STEP,
    "DecisionRight": RIGHT,
    "Transition": TRANSITION,
    "Actor": ACTOR,
    "Connection": CONNECTION,
    "Grant": GRANT,
    "ApiKey": KEY,
}
