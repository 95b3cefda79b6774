"""What a migration would mean: the plan, and for each case whether it is safe.

A plan says which step of the old version is which of the new one. Each case gets a verdict:
safe, or by hand because somebody may notice, or refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db.models import Prefetch, Q
from django.utils.translation import gettext as _

from orchestrator import schema
from orchestrator.engine.closing import OPEN
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.unwinding import DOUBTFUL, undone_by_cancelling
from orchestrator.exceptions import Invalid
from orchestrator.models import (
    Case,
    CaseState,
    Delivery,
    Seat,
    SeatPurpose,
    SeatState,
    Step,
    Task,
    TaskState,
    WorkflowVersion,
)
from orchestrator.pointers import Problem

MOST: Final = 10_000
SAFE, HAND, REFUSED = "safe", "hand", "refused"
_ORDER: Final = (SAFE, HAND, REFUSED)


@dataclass(frozen=True, slots=True)
class Plan:
    """From one published version to another: step key -> step key."""

    old: Definition
    new: Definition
    steps: Mapping[str, str]

    def target(self, task: Task) -> Step | None:
        return self.new.steps.get(self.steps.get(task.step_key, ""))


@dataclass(slots=True)
class Verdict:
    """What the plan means for one case, and why it is not simply safe."""

    case: Case
    kind: str = SAFE
    reasons: list[str] = field(default_factory=list)

    def note(self, kind: str, reason: str) -> None:
        self.kind = max(self.kind, kind, key=_ORDER.index)
        self.reasons.append(reason)


@dataclass(frozen=True, slots=True)
class DryRun:
    """The verdicts of the oldest open cases of the old version; ``more`` says there are others."""

    verdicts: Sequence[Verdict]
    more: bool

    @property
    def counts(self) -> dict[str, int]:
        found = Counter(verdict.kind for verdict in self.verdicts)
        return {kind: found[kind] for kind in _ORDER}


def plan_of(old: WorkflowVersion, new: WorkflowVersion, steps: Mapping[str, str]) -> Plan:
    """A plan that can be looked at. Raises Invalid where it names what is not there."""
    plan = Plan(definition_of(old.pk), definition_of(new.pk), dict(steps))
    if problems := list(_plan_problems(plan)):
        raise Invalid(problems=[problem.as_json() for problem in problems])
    return plan


def _plan_problems(plan: Plan) -> Iterator[Problem]:
    old, new = plan.old.version, plan.new.version
    if old.workflow_id != new.workflow_id or not (old.published_at and new.published_at):
        yield Problem("/to", "Choose another published version of the same workflow.")
    elif old.pk == new.pk:
        yield Problem("/to", "Choose another version than the cases are on.")
    for source, target in plan.steps.items():
        place = f"/steps/{source}"
        if source not in plan.old.steps:
            yield Problem(place, f"Version {old.number} has no step {source!r}.")
        elif target not in plan.new.steps:
            yield Problem(place, f"Version {new.number} has no step {target!r}.")
        elif plan.old.steps[source].kind != plan.new.steps[target].kind:
            yield Problem(place, f"{source} and {target} are of different kinds.")


def same_steps(old: WorkflowVersion, new: WorkflowVersion) -> dict[str, str]:
    """The plan that suggests itself: steps that kept their key and their kind."""
    before, after = definition_of(old.pk).steps, definition_of(new.pk).steps
    return {
        key: key for key, step in before.items() if key in after and after[key].kind == step.kind
    }


def dry_run(plan: Plan) -> DryRun:
    """What would become of the open cases of the old version; nothing is changed."""
    cases = list(
        Case.objects.filter(version=plan.old.version, state__in=("open", "cancelling"))
        .order_by("id")
        .prefetch_related(_open_tasks())[: MOST + 1]
    )
    undos = undone_by_cancelling(cases[:MOST])
    judged = [_judged(plan, case, undos.get(case.pk, ())) for case in cases[:MOST]]
    return DryRun(judged, bool(cases[MOST:]))


def verdict_on(plan: Plan, case_id: int) -> Verdict:
    """The verdict for one case as it is now."""
    case = Case.objects.prefetch_related(_open_tasks()).get(pk=case_id)
    return _judged(plan, case, undone_by_cancelling([case]).get(case_id, ()))


def _open_tasks() -> Prefetch[Any]:
    seats = Seat.objects.filter(Q(state=SeatState.OPEN) | Q(decision__isnull=False))
    written = Delivery.objects.filter(state__in=DOUBTFUL)
    rows = Task.objects.filter(state__in=OPEN).order_by("id")
    return Prefetch(
        "tasks",
        rows.prefetch_related(
            Prefetch("seats", seats, to_attr="standing_seats"),
            Prefetch("deliveries", written, to_attr="writes"),
        ),
        to_attr="open_tasks",
    )


def _tasks(case: Case) -> list[Task]:
    return case.open_tasks  # type: ignore[attr-defined,no-any-return]


def _judged(plan: Plan, case: Case, undos: Iterable[Step]) -> Verdict:
    """``undos`` are the steps that would be undone if the case were cancelled now."""
    found = Verdict(case)
    if case.state != CaseState.OPEN:
        found.note(REFUSED, _("The case is being cancelled."))
    for task in _tasks(case):
        _judge_task(plan, task, found)
    for step in undos:
        if not (after := plan.new.steps.get(step.key)) or not after.compensated_by:
            found.note(HAND, _("What %s did could not be undone any more.") % step.name)
    wanted = plan.new.version.data_schema
    if wanted and (wrong := schema.validate(wanted, case.data)):
        said = _("Its data do not fit the new version: %s")
        found.note(HAND, said % f"{wrong[0].path} {wrong[0].message}")
    return found


def _judge_task(plan: Plan, task: Task, found: Verdict) -> None:
    target, name = plan.target(task), plan.old.steps[task.step_key].name
    if target is None:
        found.note(REFUSED, _("It is at %s, which leads to no step of the new version.") % name)
    elif task.state in (TaskState.RUNNING, TaskState.DECIDED):
        found.note(REFUSED, _("%s is just being done; try again in a moment.") % name)
    elif _is_written_elsewhere(task, target):
        found.note(REFUSED, _("%s may have written to a system that it leaves.") % name)
    elif not _keeps_branches(plan, task):
        found.note(REFUSED, _("It is in branches around %s that the new version has not.") % name)
    elif task.state == TaskState.IN_REVIEW:
        _judge_seats(task, name, found)
    elif task.state == TaskState.WAITING and plan.old.steps[task.step_key].flow != target.flow:
        found.note(HAND, _("%s waits for something else in the new version.") % name)


def _is_written_elsewhere(task: Task, target: Step) -> bool:
    """Whether a write that may have happened would be looked for, or made again under its key,
    where it never was."""
    writes: list[Delivery] = task.writes  # type: ignore[attr-defined]
    to = target.actor.connection_id if target.actor else None
    return any(row.connection_id != to for row in writes)


def _keeps_branches(plan: Plan, task: Task) -> bool:
    """Whether all openers around a task, and their joins, stay where and what they are.

    A join stands with the branches that it waits for.
    """
    path = [part for part in task.scope.split("/") if part]
    if task.wait_key:
        path.append(f"{task.wait_key}.0")
    for part in path:
        key = part.rsplit(".", 2)[0]
        join = str(plan.old.steps[key].flow["join"])
        for name in (key, join):
            if plan.steps.get(name) != name or plan.new.steps.get(name) is None:
                return False
        if plan.old.steps[key].flow != plan.new.steps[key].flow:
            return False
    return not path or plan.steps.get(task.step_key) == task.step_key


def _judge_seats(task: Task, name: str, found: Verdict) -> None:
    every: list[Seat] = task.standing_seats  # type: ignore[attr-defined]
    seats = [seat for seat in every if seat.round == task.round]
    if any(seat.purpose == SeatPurpose.RECONCILE for seat in seats):
        found.note(REFUSED, _("%s has to be reconciled first.") % name)
    elif any(seat.decision_id and seat.purpose != SeatPurpose.RECONCILE for seat in every):
        found.note(HAND, _("%s was decided by one of several: they are asked anew.") % name)
    elif any(seat.claimed_by_id or seat.pended for seat in seats):
        found.note(HAND, _("Somebody works on %s: it is offered anew.") % name)
