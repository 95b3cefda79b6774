"""The case file path by path: what came in, what each step wrote, and who decided that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db.models import F, Q
from django.utils.translation import gettext as _

from orchestrator.images import is_image
from orchestrator.models import Attempt, Case, Decision, Inbound, Step, StepKind, Task
from orchestrator.pages import name_of
from orchestrator.pointers import MISSING, lookup, split
from orchestrator.sight import Sight
from orchestrator.spelling import listed, number
from orchestrator.templatetags.rewire import place, word
from orchestrator.whereabouts import step_and_branch


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the case file that some step shows as evidence."""

    label: str
    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """What stands at one path. ``by`` says who wrote it, ``fields`` what a person corrected.

    ``decision`` is the id of the last decision on it, None where nobody decided.
    """

    title: str
    step: str
    by: str
    at: datetime | None
    value: Any
    decision: int | None = None
    fields: str = ""
    images: list[Image] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who wrote what a task put into the case file."""

    by: str
    at: datetime | None
    decision: int | None = None
    fields: str = ""


NOBODY: Final = Origin("", None)


def parts_of(case: Case, sight: Sight) -> list[Part]:
    """The case file, what came in first, then path by path as it was written. Six queries."""
    written = {
        path: wrote
        for path, wrote in sorted(case.provenance.items(), key=lambda item: _order(item[1]))
        if lookup(case.data, path) is not MISSING
    }
    tasks = {wrote["task"] for wrote in written.values() if "task" in wrote}
    origins, images = _origins(tasks, sight), images_of(case)
    rows = Task.objects.filter(pk__in=tasks).select_related("step").in_bulk()
    brought = _brought(written.values())
    rest = without(case.data, written)
    first = Part(
        _("What came in"),
        "",
        _("started by %s") % name_of(case.initiator),
        case.created_at,
        without(rest, images),
        images=_within("", images, written),
    )
    return [first] * bool(rest) + [
        _part(case, path, *_whence(wrote, rows, origins, brought), images)
        for path, wrote in written.items()
    ]


def _order(wrote: Mapping[str, Any]) -> tuple[bool, int]:
    """As tasks came, and what signals wrote after that."""
    return "task" not in wrote, int(wrote.get("task", wrote.get("inbound", 0)))


def _whence(
    wrote: Mapping[str, Any],
    rows: Mapping[int, Task],
    origins: Mapping[int, Origin],
    brought: Mapping[int, Origin],
) -> tuple[str, Origin]:
    """The step that wrote a path, with its branch, and who; of a signal only who brought it."""
    if "task" not in wrote:
        return "", brought.get(wrote.get("inbound", 0), NOBODY)
    task = rows[wrote["task"]]
    return step_and_branch(task), origins.get(task.pk) or _of_flow(task)


def _of_flow(task: Task) -> Origin:
    """Who wrote what no person and no machine did."""
    said = ""
    if task.step.kind == StepKind.JOIN:
        said = _("put together from %s branches") % number(task.arrived)
    elif task.step.kind == StepKind.EVENT:
        said = _("brought by the signal “%s”") % str(task.step.flow.get("signal", ""))
    elif task.step.kind == StepKind.SUBFLOW:
        said = _("given by the case that it called")
    return Origin(said, task.finished_at)


def _brought(written: Iterable[Mapping[str, Any]]) -> dict[int, Origin]:
    """Signal -> that it brought something, and when. One query, or none."""
    names = {row["inbound"]: row.get("signal", "") for row in written if "inbound" in row}
    times = dict(Inbound.objects.filter(pk__in=names).values_list("pk", "received_at"))
    return {
        pk: Origin(_("brought by the signal “%s”") % str(name), times.get(pk))
        for pk, name in names.items()
    }


def _part(case: Case, path: str, step: str, origin: Origin, images: Mapping[str, Image]) -> Part:
    inner = [image.removeprefix(path) for image in images if _is_below(image, path)]
    return Part(
        place(path),
        step,
        origin.by,
        origin.at,
        without(lookup(case.data, path), inner),
        origin.decision,
        origin.fields,
        _within(path, images, ()),
    )


def _within(path: str, images: Mapping[str, Image], elsewhere: Iterable[str]) -> list[Image]:
    """The images below a path, but for those below the others."""
    others = list(elsewhere)
    return [
        found
        for image, found in images.items()
        if _is_below(image, path) and not any(_is_below(image, other) for other in others)
    ]


def _is_below(pointer: str, root: str) -> bool:
    return pointer == root or pointer.startswith(f"{root}/")


def images_of(case: Case) -> dict[str, Image]:
    """Path -> image, for what a step of the case's version shows as one. One query."""
    shown = Step.objects.filter(version=case.version_id, evidence__contains=[{"as": "image"}])
    found: dict[str, Image] = {}
    for evidence in shown.order_by("position").values_list("evidence", flat=True):
        for item in evidence:
            value = lookup(case.data, item["path"])
            if item.get("as") == "image" and isinstance(value, str) and is_image(value):
                label = item.get("label") or place(item["path"])
                found.setdefault(item["path"], Image(label, value))
    return found


def _origins(tasks: Iterable[int], sight: Sight) -> dict[int, Origin]:
    """Task -> who decided what it wrote, or who wrote it where nobody decided."""
    found = _attempted(tasks)
    for task, standing in _decided(tasks, sight).items():
        last = standing[-1]
        who = listed(list(dict.fromkeys(map(_who, standing))), _("and"))
        fields = {place(change.path) for row in standing for change in row.corrections.all()}
        found[task] = Origin(
            _("%(did)s by %(who)s") % {"did": word(last.word).lower(), "who": who},
            last.created_at,
            last.pk,
            ", ".join(sorted(fields)),
        )
    return found


def _decided(tasks: Iterable[int], sight: Sight) -> dict[int, list[Decision]]:
    """The decisions that stand in each task's last round and agree, oldest first."""
    stands = Q(seat=None) | Q(seat__decision=F("pk"))
    rows = sight.parts(Decision.objects.filter(stands, task__in=tasks)).order_by("pk")
    found: dict[int, list[Decision]] = defaultdict(list)
    for row in rows.select_related("actor__user").prefetch_related("corrections"):
        found[row.task_id].append(row)
    return {
        task: [row for row in made if (row.round, row.word) == (made[-1].round, made[-1].word)]
        for task, made in found.items()
    }


def _who(decision: Decision) -> str:
    """The person, or the rule as ``Decision.via`` names it."""
    if not decision.via.startswith("rule:"):
        return name_of(decision.actor)
    version, _slash, number = decision.via.removeprefix("rule:").partition("/")
    return _("rule %(number)s of version %(version)s") % {"number": number, "version": version}


def _attempted(tasks: Iterable[int]) -> dict[int, Origin]:
    rows = Attempt.objects.filter(task__in=tasks, error__isnull=True, shadow=False)
    return {
        row.task_id: Origin(_("written by %s") % name_of(row.actor), row.finished_at)
        for row in rows.select_related("actor__user").order_by("number")
    }


def without(value: Any, paths: Iterable[str]) -> Any:
    """A copy that lacks the members at these pointers; objects left empty by that go too."""
    for path in paths:
        value = _lacking(value, split(path))
    return value


def _lacking(value: Any, parts: tuple[str, ...]) -> Any:
    if not parts:
        return {}
    if not isinstance(value, dict) or parts[0] not in value:
        return value
    inner = _lacking(value[parts[0]], parts[1:])
    kept = {name: member for name, member in value.items() if name != parts[0]}
    return kept if len(parts) == 1 or inner == {} else {**value, parts[0]: inner}
