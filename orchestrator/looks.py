"""What states, kinds and parts of a definition are called on pages, and how they are drawn."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

# state or word -> icon, tone, what people read
PILLS: Final = {
    "open": ("open", "accent", gettext_noop("Open")),
    "cancelling": ("cancelled", "warn", gettext_noop("Cancelling")),
    "cancelled": ("cancelled", "", gettext_noop("Cancelled")),
    "completed": ("done", "ok", gettext_noop("Completed")),
    "waiting": ("clock", "", gettext_noop("Waiting")),
    "ready": ("ready", "", gettext_noop("Ready")),
    "running": ("running", "accent", gettext_noop("Running")),
    "in_review": ("review", "warn", gettext_noop("In review")),
    "decided": ("done", "ok", gettext_noop("Decided")),
    "failed": ("failed", "bad", gettext_noop("Failed")),
    "expired": ("clock", "warn", gettext_noop("Expired")),
    "withdrawn": ("cancelled", "", gettext_noop("Withdrawn")),
    "resolved": ("done", "ok", gettext_noop("Resolved")),
    "approved": ("done", "ok", gettext_noop("Approved")),
    "corrected": ("edit", "accent", gettext_noop("Corrected")),
    "rejected": ("failed", "bad", gettext_noop("Rejected")),
    "responded": ("message", "accent", gettext_noop("Answered")),
    "escalated": ("up", "warn", gettext_noop("Escalated")),
    "auto": ("policy", "ok", gettext_noop("Automatic")),
    "review": ("user", "", gettext_noop("One reviewer")),
    "dual": ("users", "", gettext_noop("Two people")),
    "panel": ("users", "", gettext_noop("Panel")),
    "block": ("stop", "bad", gettext_noop("Blocked")),
    "halted": ("stop", "bad", gettext_noop("Stopped")),
    "draft": ("edit", "warn", gettext_noop("Draft")),
    "published": ("done", "ok", gettext_noop("Published")),
    "superseded": ("clock", "", gettext_noop("Superseded")),
    "blind": ("blind", "accent", gettext_noop("Blind")),
    "pending": ("clock", "", gettext_noop("Pending")),
    "sending": ("running", "accent", gettext_noop("Sending")),
    "sent": ("arrow", "", gettext_noop("Sent")),
    "confirmed": ("done", "ok", gettext_noop("Confirmed")),
    "done": ("done", "ok", gettext_noop("Done")),
    "refused": ("failed", "bad", gettext_noop("Refused")),
    "reverted": ("undo", "", gettext_noop("Taken back")),
    "in_doubt": ("warning", "warn", gettext_noop("In doubt")),
}
KIND_ICONS: Final = {
    "agent": "agent",
    "automation": "automation",
    "human": "user",
    "system": "system",
    "decision": "branch",
    "timer": "clock",
    "event": "message",
    "fork": "plus",
    "join": "plus",
    "for_each": "queue",
    "subflow": "workflow",
    "policy": "policy",
    "end": "end",
}
KIND_WORDS: Final = {
    "agent": gettext_noop("agent"),
    "automation": gettext_noop("automation"),
    "human": gettext_noop("human"),
    "people": gettext_noop("people"),
    "system": gettext_noop("system"),
    "policy": gettext_noop("policy"),
    "decision": gettext_noop("decision"),
    "timer": gettext_noop("timer"),
    "event": gettext_noop("event"),
    "fork": gettext_noop("fork"),
    "join": gettext_noop("join"),
    "for_each": gettext_noop("for each"),
    "subflow": gettext_noop("subflow"),
    "end": gettext_noop("end"),
}
# a part of a definition -> one of it, several of it
PART_WORDS: Final = {
    "version": (gettext_noop("Version"), gettext_noop("Versions")),
    "connection": (gettext_noop("Connection"), gettext_noop("Connections")),
    "actor": (gettext_noop("Actor"), gettext_noop("Actors")),
    "step": (gettext_noop("Step"), gettext_noop("Steps")),
    "rule": (gettext_noop("Rule"), gettext_noop("Rules")),
    "transition": (gettext_noop("Transition"), gettext_noop("Transitions")),
}
