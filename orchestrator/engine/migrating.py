"""Take running cases over to another version of their workflow, by a plan, and back.

What was done stays as it was; the keys of effects never change. Until the case has moved on it
can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext as _

from orchestrator import authority
from orchestrator.engine.acts import Act, acting, locked_task
from orchestrator.engine.bulk import begin_bulk, does
from orchestrator.engine.closing import OPEN
from orchestrator.engine.definition import Definition, definition_of
from orchestrator.engine.incidents import withdraw_seats
from orchestrator.engine.judging import apply_rules
from orchestrator.engine.opening import ask, lane_of
from orchestrator.engine.planning import HAND, REFUSED, SAFE, Plan, dry_run, verdict_on
from orchestrator.exceptions import MigrationRefused, NotFound
from orchestrator.models import (
    Actor,
    Bulk,
    BulkRow,
    BulkState,
    Routing,
    StepKind,
    Task,
    TaskState,
)

MIGRATE: Final = "migrate"
REVERT: Final = "revert_migration"


def migrate(plan: Plan, *, actor: Actor, by_hand: bool = False) -> Bulk:
    """Have the safe cases taken over, and with ``by_hand`` those of that verdict too.

    Raises NotAllowed. Each case is judged once more when its turn comes.
    """
    authority.require(actor, "publish", plan.new.version.workflow)
    wanted = (SAFE, HAND) if by_hand else (SAFE,)
    cases = [row.case.pk for row in dry_run(plan).verdicts if row.kind in wanted]
    params = {
        "workflow": plan.new.version.workflow.slug,
        "from": plan.old.version.pk,
        "to": plan.new.version.pk,
        "steps": dict(plan.steps),
        "by_hand": by_hand,
    }
    return begin_bulk(MIGRATE, by=actor, params=params, cases=cases)


def _plan_in(bulk: Bulk) -> Plan:
    params = bulk.params
    old, new = definition_of(params["from"]), definition_of(params["to"])
    return Plan(old, new, params["steps"])


@does(MIGRATE)
def _migrate(row: BulkRow) -> None:
    plan = _plan_in(row.bulk)
    with acting(_case_id(row), row.bulk.by) as act:
        if act.case.version_id != plan.old.version.pk:
            raise MigrationRefused(_("The case is not on the old version any more."))
        # Locked before they are judged: a worker claims its task without the case.
        tasks = [locked_task(act, pk) for pk in _open_ids(act)]
        verdict = verdict_on(plan, act.case.pk)
        if verdict.kind == REFUSED or (verdict.kind == HAND and not row.bulk.params["by_hand"]):
            raise MigrationRefused(" ".join(verdict.reasons))
        row.before = {"tasks": [[task.pk, task.step_key, task.visit] for task in tasks]}
        _move(act, plan.new, [(task, plan.steps[task.step_key], None) for task in tasks])
        act.note("case.migrated", {"case": act.case.pk, "bulk": row.bulk_id}, _numbers(plan))
        stays = _open_ids(act) == [task.pk for task in tasks]
    # What the new rules have approved meanwhile cannot be taken back.
    row.seq = act.case.seq if stays else None


def _open_ids(act: Act) -> list[int]:
    rows = Task.objects.filter(case=act.case, state__in=OPEN)
    return list(rows.order_by("id").values_list("id", flat=True))


def _case_id(row: BulkRow) -> int:
    if row.case_id is None:
        raise NotFound
    return row.case_id


def _numbers(plan: Plan, *, back: bool = False) -> dict[str, int]:
    ends = (plan.old.version.number, plan.new.version.number)
    return dict(zip(("from", "number"), reversed(ends) if back else ends, strict=True))


def _move(act: Act, definition: Definition, tasks: Iterable[tuple[Task, str, int | None]]) -> None:
    """Put the case and its open tasks on another version; who was to decide is asked anew."""
    act.case.version, act.definition = definition.version, definition
    act.changed.add("version")
    moved = list(tasks)
    for task, key, visit in moved:
        task.visit = visit or _visit(task, key)
        task.step, task.step_key = definition.steps[key], key
        if task.state == TaskState.READY and task.proposal is None:
            task.lane = lane_of(task.step)
        task.save(update_fields=["step", "step_key", "visit", "lane"])
    for task, *_rest in moved:
        # What the rules approve may call the others off.
        now = locked_task(act, task.pk)
        if now.state == TaskState.IN_REVIEW:
            _ask_anew(act, now)


def _visit(task: Task, key: str) -> int:
    if key == task.step_key:
        return task.visit
    return Task.objects.filter(case=task.case, step_key=key, scope=task.scope).count() + 1


def _ask_anew(act: Act, task: Task) -> None:
    withdraw_seats(act, task)
    last = Routing.objects.select_related("attempt").filter(task=task).order_by("-round").first()
    attempt = last.attempt if last else None
    if task.step.kind == StepKind.HUMAN or attempt is None:
        ask(act, task)
    else:
        task.proposal = attempt.output
        apply_rules(act, task, attempt)


def revert(bulk_id: int, *, actor: Actor) -> Bulk:
    """Have what has not moved on since taken back. Raises NotFound and NotAllowed."""
    bulk = Bulk.objects.filter(pk=bulk_id, verb=MIGRATE).first()
    if bulk is None:
        raise NotFound
    authority.require(actor, "publish", _plan_in(bulk).new.version.workflow)
    done = bulk.rows.filter(state=BulkState.DONE).order_by("id").values_list("case", flat=True)
    params = {"workflow": bulk.params["workflow"], "bulk": bulk.pk}
    return begin_bulk(REVERT, by=actor, params=params, cases=[pk for pk in done if pk])


@does(REVERT)
def _revert(row: BulkRow) -> None:
    first = BulkRow.objects.select_related("bulk").get(
        bulk=row.bulk.params["bulk"], case=row.case_id
    )
    plan = _plan_in(first.bulk)
    with acting(_case_id(row), row.bulk.by) as act:
        moved = act.case.version_id != plan.new.version.pk or act.case.seq != first.seq
        if moved or first.state != BulkState.DONE:
            raise MigrationRefused(_("The case has moved on since: it stays on this version."))
        before = (first.before or {})["tasks"]
        tasks = [(locked_task(act, pk), key, visit) for pk, key, visit in before]
        if any(task.state == TaskState.RUNNING for task, *_rest in tasks):
            raise MigrationRefused(_("A step is just being done; try again in a moment."))
        _move(act, plan.old, tasks)
        refs = {"case": act.case.pk, "bulk": row.bulk_id}
        act.note("case.migrated", refs, _numbers(plan, back=True))
        BulkRow.objects.filter(pk=first.pk).update(state=BulkState.REVERTED)
