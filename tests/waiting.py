"""The expenses workflow with a calendar, reasons to wait, and ways back; and time that passes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from orchestrator import engine
from orchestrator.models import Event, Seat, Task, Timer, Workflow
from tests import world

EVERY_HOUR = ""
OFFICE = """
calendar:
  timezone: Europe/Berlin
  hours: {mon: ["09:00-17:00"], tue: ["09:00-17:00"], wed: ["09:00-17:00"],
    thu: ["09:00-17:00"], fri: ["09:00-17:00"]}
  holidays: ["2026-12-25"]
"""
PEND = """
    pend:
      - {code: supplier, label: The supplier answers, pauses: true, most: 14d}
      - {code: colleague, label: A colleague looks, most: 2d}
"""
REWORK = """
    rework: {to: [read, receive], visits: 3}
"""
RULE = "        decide_within: 4h\n"


def workflow(calendar: str = EVERY_HOUR, rule: str = "", more: str = "") -> Workflow:
    return world.workflow(definition(calendar, rule, more))


def definition(calendar: str = EVERY_HOUR, rule: str = "", more: str = "") -> str:
    """An agent reads the receipt and Expense reviewers decide; somebody may receive it anew."""
    text = world.EXPENSES.replace("data:\n", f"{calendar}signals: {{news: {{}}}}\ndata:\n", 1)
    text = text.replace("settings: {}", "settings: {output: {merchant: Kantine, amount: 9}}", 1)
    text = text.replace("    undo: 10s\n", f"    undo: 10s\n{PEND}{REWORK}{more}", 1)
    text = text.replace(RULE, f"{RULE}{rule}", 1)
    receive = """
  - key: receive
    name: Receive
    kind: human
    schema: {type: object, properties: {note: {type: string}}}
    output: {/received: ""}
    undo: 0s
    rights: [{mode: review, group: Expense reviewers}]
"""
    text = text.replace("  - key: booked\n", f"{receive.lstrip(chr(10))}  - key: booked\n", 1)
    back = """
  - {from: read, to: receive, when: {fact: decision, op: eq, value: responded}}
  - {from: receive, to: read}
"""
    return text.replace("\n  - {from: read, to: booked}", back + "  - {from: read, to: booked}", 1)


def pended(task: Task, by: str = "bea", reason: str = "supplier", **more: Any) -> Seat:
    seat = world.claimed(task, by)
    assert seat.claim_token
    return engine.pend(
        task.pk, actor=world.actor(by), claim_token=seat.claim_token, reason=reason, **more
    )


def sent_back(task: Task, by: str = "bea", to: str = "read", **more: Any) -> engine.Decided:
    seat = world.claimed(task, by)
    now = Task.objects.select_related("case").get(pk=task.pk)
    assert seat.claim_token
    return engine.send_back(
        task.pk,
        actor=world.actor(by),
        claim_token=seat.claim_token,
        digest=engine.screen_digest(now, now.case),
        to=to,
        instructions=more.pop("instructions", "Read the date too."),
        **more,
    )


def passed(task: Task, time: timedelta) -> None:
    """Let so much time pass for a task: every moment that it has moves into the past."""
    for seat in Seat.objects.filter(task=task):
        told = seat.pended and seat.pended | {
            "at": _earlier(seat.pended["at"], time),
            "clocks": {name: _earlier(at, time) for name, at in seat.pended["clocks"].items()},
        }
        moments = ("due_at", "back_at", "claimed_at", "claim_expires_at", "created_at")
        found = {name: getattr(seat, name) for name in moments}
        columns = {name: at and at - time for name, at in found.items()}
        Seat.objects.filter(pk=seat.pk).update(pended=told, **columns)
        for timer in Timer.objects.filter(seat=seat):
            Timer.objects.filter(pk=timer.pk).update(due_at=timer.due_at - time)


def _earlier(text: str, time: timedelta) -> str:
    return (datetime.fromisoformat(text) - time).isoformat()


def events(task: Task, *names: str) -> list[str]:
    """The types of the case's events, in order, of these only."""
    rows = Event.objects.filter(stream=f"case:{task.case_id}", type__in=names)
    return list(rows.order_by("seq").values_list("type", flat=True))
