"""What an agent answers to a few inputs, and how well: asked now, and kept nowhere."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLong
from dataclasses import dataclass, field
from functools import partial
from statistics import mean, median
from threading import Lock
from typing import Any, Final
from uuid import uuid4

from django.db import connection
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from orchestrator import attachments, schema
from orchestrator.admin.replaying import MOST_CASES
from orchestrator.admin.samples import data_before, example_of
from orchestrator.connectors import Call, CallError, Result, connector_class, no_pictures
from orchestrator.engine.reading import attempt_fields, is_json
from orchestrator.engine.versions import on_record
from orchestrator.models import Actor, Attempt, Case, Connection, Step, Task
from orchestrator.pages import amount, tokens
from orchestrator.pointers import MISSING, lookup
from orchestrator.sight import blind_seats

MOST: Final = 12
SECONDS: Final = 60.0
GRACE: Final = 0.5
"""Seconds in which a connector can say itself that its time was over."""
AT_ONCE: Final = 3
MOST_PROBLEMS: Final = 3
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Given:
    """An input, and the case that it is from."""

    input: Any
    label: str
    url: str = ""
    case: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One call. ``problem`` says what was wrong with it; ``asked`` is False where none was made.

    ``said`` are the columns that an Attempt of it would have.
    """

    given: Given
    output: Any = None
    said: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    asked: bool = True

    @property
    def cost(self) -> str:
        return amount(self.said.get("cost_micros"), self.said.get("currency", ""))

    @property
    def tokens(self) -> str:
        return tokens(self.said.get("tokens_in"), self.said.get("tokens_out"))

    @property
    def shown(self) -> str:
        """The output, shortened."""
        return Truncator(json.dumps(self.output, ensure_ascii=False)).chars(SHOWN)


class Budget:
    """What is left of the time and the money; both may be overdrawn by calls under way."""

    def __init__(self, seconds: float, micros: int) -> None:
        self._end, self._left, self._lock = time.monotonic() + seconds, micros, Lock()

    @property
    def seconds(self) -> float:
        return max(0.0, self._end - time.monotonic())

    def spend(self, micros: int | None) -> None:
        with self._lock:
            self._left -= micros or 0

    def spent(self) -> str:
        """Why no more calls are made, "" while there is enough."""
        if self._left <= 0:
            return _("Not asked: the limit of the cost was reached.")
        return "" if self.seconds > 0 else _("Not asked: the time was over.")


def inputs(step: Step, actor: Actor, count: int) -> list[Given]:
    """What the newest cases gave the step, or would give it; else one made up. Five queries.

    A case in which a blind review waits for the actor is left out.
    """
    cases = Case.objects.visible_to(actor).filter(workflow=step.version.workflow_id)
    newest = list(cases.order_by("-pk").values_list("pk", flat=True)[:MOST_CASES])
    hidden = {seat.task.case_id for seat in blind_seats(actor, newest)}
    seen = [pk for pk in newest if pk not in hidden]
    rows = Task.objects.filter(case__in=seen, step_key=step.key).select_related("case")
    tasks = list(rows.order_by("-pk")[:count])
    tried = Attempt.objects.filter(task__in=tasks, input__isnull=False).order_by("-number")
    given = dict(tried.values_list("task", "input"))
    found = [
        Given(
            given[task.pk] if task.pk in given else _picked(step, data_before(task.case, task.pk)),
            task.case.key,
            reverse("case", args=[task.case_id]),
            task.case_id,
        )
        for task in tasks
    ]
    made_up = example_of(step.version.data_schema)
    return found or [Given(_picked(step, made_up), _("made up from the schema"))]


def _picked(step: Step, data: Any) -> Any:
    """All of a case file, or what the step's mapping picks of it."""
    if step.input_mapping is None:
        return data
    found = {name: lookup(data, path) for name, path in step.input_mapping.items()}
    return {name: value for name, value in found.items() if value is not MISSING}


def run(send: Connection, step: Step, given: Sequence[Given], *, micros: int) -> list[Trial]:
    """Ask for each input, a few at once, until the time or the money is spent; in order."""
    budget = Budget(SECONDS, micros)
    pool = ThreadPoolExecutor(max_workers=min(AT_ONCE, max(1, send.bulkhead)))
    try:
        calls = [(one, pool.submit(_within, budget, send, step, one)) for one in given]
        return [_outcome(budget, one, call) for one, call in calls]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _outcome(budget: Budget, given: Given, call: Future[Trial]) -> Trial:
    try:
        return call.result(budget.seconds + GRACE)
    except TooLong:
        started = not call.cancel()
        return Trial(given, problem=_("No answer before the time was over."), asked=started)


def _within(budget: Budget, send: Connection, step: Step, given: Given) -> Trial:
    try:
        if why := budget.spent():
            return Trial(given, problem=why, asked=False)
        trial = _asked(send, step, given, min(float(step.timeout), budget.seconds))
        budget.spend(trial.said.get("cost_micros"))
        return trial
    finally:
        # What a function of this installation opened in this thread.
        connection.close()


def _asked(send: Connection, step: Step, given: Given, timeout: float) -> Trial:
    call = Call(
        input=given.input,
        schema=step.schema,
        step=step.call,
        idempotency_key=f"trial-{uuid4()}",
        timeout=timeout,
        instructions=step.instructions,
        picture=partial(attachments.picture, given.case) if given.case else no_pictures,
    )
    started = time.monotonic()
    try:
        result = connector_class(send.kind)(send.settings, send.secret).call(call)
    except CallError as error:
        return Trial(given, problem=str(error), said={"latency_ms": _since(started)})
    except Exception as error:  # noqa: BLE001 (a connector is code from elsewhere)
        return Trial(given, problem=f"{type(error).__name__}: {error}")
    return _judged(step, given, result, _since(started))


def _judged(step: Step, given: Given, result: Result, elapsed: int) -> Trial:
    names = ("confidence", "field_confidence", "model", "cost_micros", "currency", "tokens_in",
             "tokens_out", "latency_ms")  # fmt: skip
    said = attempt_fields({name: getattr(result, name) for name in names})
    said["latency_ms"] = elapsed if said["latency_ms"] is None else said["latency_ms"]
    if not is_json(result.output):
        return Trial(given, said=said, problem=_("The output is no JSON."))
    found = schema.validate(step.schema, result.output)[:MOST_PROBLEMS]
    problem = " ".join(f"{problem.path or '/'}: {problem.message}" for problem in found)
    return Trial(given, result.output, said, problem)


def _since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def findings(send: Connection, step: Step, trials: Sequence[Trial]) -> list[str]:
    """What the calls have shown, one sentence each."""
    asked = [trial for trial in trials if trial.asked]
    valid = [trial for trial in asked if not trial.problem]
    left = len(trials) - len(asked)
    found = [
        _("%(valid)d of %(asked)d valid.") % {"valid": len(valid), "asked": len(asked)},
        _on_confidence(send, valid) if valid else "",
        _on_time(valid),
        _on_model(send, step, valid) if valid else "",
        _on_cost(asked) if asked else "",
        ngettext("%(n)d was not asked.", "%(n)d were not asked.", left) % {"n": left}
        if left
        else "",
    ]
    return [sentence for sentence in found if sentence]


def _on_confidence(send: Connection, valid: Sequence[Trial]) -> str:
    known = sum(trial.said["confidence"] is not None for trial in valid)
    if send.settings.get("confidence_by") == "tokens":
        names = (_("Log-probabilities present."), _("Log-probabilities absent or of no use"))
    else:
        names = (_("Confidence known."), _("Confidence unknown"))
    if known == len(valid):
        return names[0]
    count = {"what": names[1], "n": len(valid) - known, "of": len(valid)}
    return _("%(what)s in %(n)d of %(of)d: rules for certain outputs do not hold there.") % count


def _on_time(valid: Sequence[Trial]) -> str:
    times = [trial.said["latency_ms"] for trial in valid]
    return _("p50 %(ms)s ms.") % {"ms": f"{round(median(times)):,}"} if times else ""


def _on_model(send: Connection, step: Step, valid: Sequence[Trial]) -> str:
    models = sorted({trial.said["model"] for trial in valid})
    named = ", ".join(filter(None, models))
    said = _("Model answered as %(names)s.") % {"names": named} if named else _("No model named.")
    if all(on_record(step, model, over=send) for model in models):
        return said
    return said + " " + _("Nothing is on record of it at this step yet.")


def _on_cost(asked: Sequence[Trial]) -> str:
    known = [trial.said for trial in asked if trial.said.get("cost_micros") is not None]
    if not known:
        return _("Cost unknown: the connection has no prices, or no tokens were counted.")
    costs, currency = [said["cost_micros"] for said in known], known[0]["currency"]
    each = amount(round(mean(costs)), currency)
    return _("%(each)s per call, %(all)s in all.") % {
        "each": each,
        "all": amount(sum(costs), currency),
    }
