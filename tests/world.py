"""Named people, a small workflow and cases in it, for tests that need the whole engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import Group, User

from orchestrator import engine
from orchestrator.definitions import import_draft
from orchestrator.models import Actor, Case, Seat, Task, Workflow

EXPENSES = """
workflow: expenses
name: Expenses
owner: alice
groups: [Finance]
connections:
  reader: {kind: fake, settings: {}}
actors:
  reader: {kind: agent, revision: "1", connection: reader}
accountable: alice
data:
  type: object
  required: [text]
  properties: {text: {type: string}}
steps:
  - key: read
    name: Read the receipt
    kind: agent
    actor: reader
    instructions: Compare the fields with the receipt.
    schema:
      type: object
      required: [merchant, amount]
      additionalProperties: false
      properties:
        merchant: {type: string, title: Merchant, minLength: 1}
        amount: {type: number, title: Amount, minimum: 0}
        category: {enum: [travel, food, other], title: Category}
        paid_on: {type: string, format: date, title: Paid on}
    output: {/expense: ""}
    evidence:
      - {path: /text, as: text, label: Receipt}
    reasons:
      - {code: misread, label: Misread}
      - {code: unclear, label: Unclear}
    material: [/merchant, /amount]
    limit: /amount
    undo: 10s
    rights:
      - name: Much money
        when: {fact: output/amount, op: gt, value: 1000}
        mode: dual
        group: Expense reviewers
        allowed: [approved, corrected, rejected, escalated]
        escalates_to: Expense leads
      - name: Forbidden
        when: {fact: output/merchant, op: eq, value: Casino}
        mode: block
      - name: Small and sure
        when:
          all:
            - {fact: confidence, op: ge, value: 0.9}
            - {fact: output/amount, op: le, value: 100}
        mode: auto
      - name: Everything else
        mode: review
        group: Expense reviewers
        allowed: [approved, corrected, rejected, escalated]
        escalates_to: Expense leads
        decide_within: 4h
  - key: booked
    name: Booked
    kind: end
    outcome: booked
  - key: refused
    name: Refused
    kind: end
    outcome: refused
transitions:
  - {from: read, to: refused, when: {fact: decision, op: eq, value: rejected}}
  - {from: read, to: booked}
"""

GROUPS = {
    "alice": ("Workflow owners", "Finance"),
    "bea": ("Reviewers", "Finance", "Expense reviewers"),
    "ben": ("Reviewers", "Finance", "Expense reviewers"),
    "carl": ("Reviewers", "Another team"),
    "lea": ("Leads", "Finance", "Expense leads"),
    "cara": ("Auditors", "Finance"),
    "dora": (),
}
LUNCH = {"merchant": "Kantine", "amount": 42.5, "category": "food"}
FLIGHT = {"merchant": "Air", "amount": 1800, "category": "travel"}


def person(name: str, *groups: str) -> User:
    """A user with a password like the name; the named people come with their groups."""
    user, created = User.objects.get_or_create(username=name)
    if created:
        user.first_name = name.title()
        user.is_staff = name in ("alice", "dora")
        user.is_superuser = name == "dora"
        user.set_password(name)
        user.save()
    names = groups or GROUPS.get(name, ())
    user.groups.add(*(Group.objects.get_or_create(name=group)[0] for group in names))
    return user


def actor(name: str) -> Actor:
    """The actor as whom a named person acts."""
    return Actor.objects.for_user(person(name))


def people() -> dict[str, Actor]:
    """All named people."""
    return {name: actor(name) for name in GROUPS}


def workflow(text: str = EXPENSES, **replaced: str) -> Workflow:
    """A published workflow; ``replaced`` changes the text, underscores stand for what they are."""
    people()
    for old, new in replaced.items():
        assert old in text, f"{old} is not in the text"
        text = text.replace(old, new)
    return engine.publish(import_draft(text), actor=actor("alice")).workflow


def started(
    place: Workflow,
    value: Mapping[str, Any] | None = None,
    *,
    confidence: Any = None,
    key: str = "",
    by: str = "alice",
    text: str = "A receipt",
    **more: Any,
) -> Case:
    """A case whose agent said ``value``, routed by the rules."""
    output = None if value is None else {"value": value, "confidence": confidence, **more}
    return engine.start_case(
        place,
        actor=actor(by),
        key=key or f"case-{uuid4().hex[:12]}",
        data={"text": text},
        output=output,
    ).case


def in_review(
    place: Workflow, value: Mapping[str, Any] = LUNCH, *, confidence: Any = 0.5, **more: Any
) -> Task:
    """A task that waits for people."""
    task = started(place, value, confidence=confidence, **more).tasks.get()
    assert task.state == "in_review"
    return task


def claimed(task: Task, by: str) -> Seat:
    return engine.claim(task.pk, actor=actor(by))


def decided(task: Task, by: str, word: str, **more: Any) -> engine.Decided:
    """Claim a seat of the task as somebody, look at it, and decide."""
    seat = claimed(task, by)
    now = Task.objects.select_related("case").get(pk=task.pk)
    assert seat.claim_token
    return engine.decide(
        task.pk,
        actor=actor(by),
        claim_token=seat.claim_token,
        digest=engine.screen_digest(now, now.case),
        word=word,
        **more,
    )
