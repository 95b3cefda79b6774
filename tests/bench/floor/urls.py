"""The floor's addresses are Rewire's, so that one client loads both."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone

from tests.bench.floor.models import Item

CLAIM = """
UPDATE floor_item SET claimed_by = 1, token = gen_random_uuid(),
    claim_expires_at = clock_timestamp() + interval '10 minutes'
WHERE id = (
    SELECT id FROM floor_item
    WHERE state = 'open' AND (claimed_by IS NULL OR claim_expires_at <= clock_timestamp())
    ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING id, key, data, output, confidence, token
"""
COLUMNS = ("id", "key", "data", "output", "confidence", "token")


def claim(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM)
        row = dict(zip(COLUMNS, cursor.fetchone(), strict=True))
    data, output = json.loads(row["data"]), json.loads(row["output"])
    found = {"id": row["id"], "key": row["key"], "data": data, "output": output}
    return JsonResponse(found | {"digest": "", "claim": {"token": row["token"]}})


def decide(request: HttpRequest, pk: int) -> HttpResponse:
    body = json.loads(request.body)
    with transaction.atomic():
        own = {"pk": pk, "state": "open", "token": UUID(body["claim_token"])}
        item = get_object_or_404(Item.objects.select_for_update(), **own)
        item.state, item.word, item.decided_at = "done", body["decision"], timezone.now()
        item.save()
    return JsonResponse({"decision_id": pk})


def start(request: HttpRequest) -> HttpResponse:
    item = Item.objects.create(**_columns(json.loads(request.body)))
    return JsonResponse({"id": item.pk}, status=201)


def start_many(request: HttpRequest, rows: int) -> HttpResponse:
    """COPY as many ``rows`` for each case as Rewire writes."""
    cases = [_columns(case) for case in json.loads(request.body)["cases"]]
    with transaction.atomic(), connection.cursor() as cursor:
        statement = (
            "COPY floor_item (key, data, output, confidence, due_at, state, word) FROM STDIN"
        )
        with cursor.copy(statement) as copy:
            copy.write(_text(cases, rows))
    return JsonResponse({"items": len(cases)})


def _text(cases: list[dict[str, Any]], rows: int) -> str:
    now = timezone.now().isoformat()
    text = io.StringIO()
    for case in cases:
        data, output = json.dumps(case["data"]), json.dumps(case["output"])
        for row in range(rows):
            text.write(f"{case['key']}/{row}\t{data}\t{output}\t0.5\t{now}\tbatch\t\n")
    return text.getvalue()


def _columns(case: dict[str, Any]) -> dict[str, Any]:
    output = case.get("output") or {}
    value, confidence = output.get("value"), output.get("confidence")
    return {"key": case["key"], "data": case["data"], "output": value, "confidence": confidence}


def queue(request: HttpRequest) -> HttpResponse:
    rows = Item.objects.filter(state="open").order_by("due_at", "id")[:50]
    return render(request, "queue.html", {"rows": rows})


def export(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_lines(), content_type="application/x-ndjson")


def _lines() -> Iterator[str]:
    done = Item.objects.filter(state="export").order_by("id")
    for item in done.iterator(chunk_size=500):
        row = {"id": item.pk, "key": item.key, "input": item.data, "output": item.output}
        more = {"decision": item.word, "decided_at": str(item.decided_at)}
        yield f"{json.dumps(row | more)}\n"


urlpatterns = [
    path("api/v1/review/claim", claim),
    path("api/v1/review/tasks/<int:pk>/decision", decide),
    path("api/v1/workflows/expenses/cases", start),
    path("api/v1/workflows/expenses/cases/batch/<int:rows>", start_many),
    path("review/", queue),
    path("api/v1/feedback", export),
]
