"""Workflows and cases: what there is, how a case comes in, how it stands, how it is cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from orchestrator import authority, engine, pressure
from orchestrator.api.access import reads, writes
from orchestrator.api.answers import MOST, answer, page, place_of
from orchestrator.api.keys import actor_of
from orchestrator.api.shapes import (
    CancelIn,
    CaseIn,
    CaseOut,
    CasesIn,
    Events,
    Outcomes,
    OutputIn,
    SignalIn,
    SignalOut,
    Workflows,
)
from orchestrator.exceptions import NotAllowed, NotFound
from orchestrator.insights import now_in
from orchestrator.models import Actor, ActorKind, Case, Event, Workflow
from orchestrator.sight import Sight, events_of, sight_of

router = Router(tags=["Cases"])
_PERSONAL: Final = (
    "This is the key of a person, and an output that comes along must be a program's. Leave the "
    "output out, or make a key with: manage.py create_api_key --actor NAME --scopes cases."
)
Limit = Annotated[int, Query(ge=1, le=MOST, description="Items of a page.")]
Cursor = Annotated[str, Query(max_length=500, description="The cursor of the page before.")]


@router.get("/workflows", response=Workflows, summary="List workflows", **reads("cases"))
def list_workflows(request: HttpRequest, limit: Limit = 100, cursor: Cursor = "") -> HttpResponse:
    """The workflows that you may see, in the order of their slugs."""
    rows = Workflow.objects.visible_to(actor_of(request)).select_related("published_version")
    if cursor:
        rows = rows.filter(slug__gt=place_of(cursor, str)[0])
    found = list(rows.order_by("slug")[: limit + 1])
    return page(_workflows(found[:limit]), [found[limit - 1].slug] if found[limit:] else None)


def _workflows(found: list[Workflow]) -> list[dict[str, Any]]:
    """``open`` and ``in_review`` come from the counters: nothing is counted, seconds behind."""
    now = now_in(row.pk for row in found)
    return [
        {
            "slug": row.slug,
            "name": row.name,
            "version": row.published_version.number if row.published_version else None,
        }
        | now[row.pk]
        for row in found
    ]


@router.post(
    "/workflows/{slug:slug}/cases",
    response={201: CaseOut, 200: CaseOut},
    summary="Start a case",
    **writes("cases"),
)
def start_case(request: HttpRequest, slug: str, body: CaseIn) -> HttpResponse:
    """201 and the new case. The same key and body again give 200 and the same case; the same
    key with another body gives 409, and 429 comes while too much machine work waits. An output
    comes along with the key of a program, not of a person."""
    pressure.admit()
    actor = actor_of(request)
    output = _given(body.output) if body.output else None
    with _into(slug, actor) as workflow:
        _check_brings(actor, output is not None)
        started = engine.start_case(
            workflow, actor=actor, key=body.key, data=body.data, output=output
        )
    case = started.case
    case.workflow = workflow
    if started.created:
        return answer(_case(case, Sight()), 201)
    return answer(_case(case, sight_of(case, actor)))


@contextmanager
def _into(slug: str, actor: Actor) -> Iterator[Workflow]:
    """The workflow of this slug. Who may not start in it and not see it hears of nothing there.

    The verb asks for the right to start; whether the actor sees it matters only if not.
    """
    workflow = Workflow.objects.filter(slug=slug).first()
    if workflow is None:
        raise NotFound
    try:
        yield workflow
    except NotAllowed:
        authority.access_workflow(actor, slug)
        raise


def _check_brings(actor: Actor, brings: bool) -> None:
    """Raises NotAllowed where a person would bring what counts as an agent's output.

    Rules may approve it, so nobody could tell afterwards who had said it.
    """
    if brings and actor.kind == ActorKind.HUMAN:
        raise NotAllowed(reasons=[_PERSONAL])


def _given(output: OutputIn) -> dict[str, Any]:
    """The members that were sent."""
    return {name: getattr(output, name) for name in output.model_fields_set}


@router.post(
    "/workflows/{slug:slug}/cases/batch",
    response=Outcomes,
    summary="Start many cases",
    **writes("cases"),
)
def start_cases(request: HttpRequest, slug: str, body: CasesIn) -> HttpResponse:
    """One result for each case, in order. Outputs that come along are routed by a worker."""
    pressure.admit()
    actor = actor_of(request)
    with _into(slug, actor) as workflow:
        _check_brings(
            actor, any(isinstance(case, dict) and case.get("output") for case in body.cases)
        )
        outcomes = engine.start_cases(workflow, actor=actor, cases=body.cases)
    results = [
        {"status": one.status, "id": one.case_id, "problems": one.problems} for one in outcomes
    ]
    return page(results, None)


@router.get("/cases/{int:case_id}", response=CaseOut, summary="Look at a case", **reads("cases"))
def get_case(request: HttpRequest, case_id: int) -> HttpResponse:
    """The case file, and each task with what was decided of it."""
    actor = actor_of(request)
    case = authority.access_case(actor, case_id)
    return answer(_case(case, sight_of(case, actor)))


def _case(case: Case, sight: Sight) -> dict[str, Any]:
    tasks = sight.tasks(case.tasks.all()).order_by("pk")
    return {
        "id": case.pk,
        "key": case.key,
        "workflow": case.workflow.slug,
        "version": case.version.number,
        "state": None if sight.is_blind else case.state,
        "data": None if sight.data_hidden else case.data,
        "tasks": [_task(*row) for row in tasks.values_list("pk", "step_key", "state", "word")],
        "created_at": case.created_at,
        "completed_at": None if sight.is_blind else case.completed_at,
    }


def _task(pk: int, step: str, state: str, word: str) -> dict[str, Any]:
    task = {"id": pk, "step": step, "state": state}
    return task | {"decision": word} if word else task


@router.get(
    "/cases/{int:case_id}/events",
    response=Events,
    summary="What happened in a case",
    **reads("cases"),
)
def list_events(
    request: HttpRequest, case_id: int, limit: Limit = 100, cursor: Cursor = ""
) -> HttpResponse:
    """The case's events, oldest first: ids and digests, never content."""
    actor = actor_of(request)
    case = authority.access_case(actor, case_id)
    rows = sight_of(case, actor).events(events_of(case)).select_related("actor__user")
    if cursor:
        rows = rows.filter(seq__gt=place_of(cursor, int)[0])
    found = list(rows.order_by("seq")[: limit + 1])
    items = [_event(event) for event in found[:limit]]
    return page(items, [found[limit - 1].seq] if found[limit:] else None)


def _event(event: Event) -> dict[str, Any]:
    return {
        "seq": event.seq,
        "at": event.at,
        "type": event.type,
        "actor": str(event.actor),
        "refs": event.refs,
        "payload": event.payload,
        "hash": event.hash,
    }


@router.post(
    "/cases/{int:case_id}/signals",
    response=SignalOut,
    summary="Bring a signal",
    **writes("cases"),
)
def bring_signal(request: HttpRequest, case_id: int, body: SignalIn) -> HttpResponse:
    """Leads on a step that waits for it; one that comes early is kept. The same id again
    changes nothing, and with other content gives 409."""
    actor = actor_of(request)
    authority.access_case(actor, case_id)
    found = engine.signal(case_id, actor=actor, name=body.name, message_id=body.id, data=body.data)
    return answer({"status": found.status, "tasks": list(found.tasks)})


@router.post(
    "/cases/{int:case_id}/cancel", response=CaseOut, summary="Cancel a case", **writes("cases")
)
def cancel_case(request: HttpRequest, case_id: int, body: CancelIn) -> HttpResponse:
    """Withdraws what waits in the case. Steps that name an undo are undone first, newest first.

    The state is ``cancelling`` until they are, then ``cancelled``.
    """
    actor = actor_of(request)
    authority.access_case(actor, case_id)
    engine.cancel_case(case_id, actor=actor, reason=body.reason)
    case = authority.access_case(actor, case_id)
    return answer(_case(case, sight_of(case, actor)))
