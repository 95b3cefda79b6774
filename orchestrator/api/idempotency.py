"""``Idempotency-Key``: a write that is sent again is done once, and answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, Final

from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse

from orchestrator.api.answers import sent
from orchestrator.api.keys import key_of
from orchestrator.exceptions import KeyInProgress, KeyMissing, KeyReused
from orchestrator.models import Inbound

LONGEST: Final = 255
READS: Final = frozenset({"GET", "HEAD"})
_LOCK: Final = """
    SELECT pg_try_advisory_xact_lock(%s), today, today - 1
    FROM (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS today) AS day
"""


def once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that keeps its answer under the request's Idempotency-Key, if it has one.

    The answer is kept in the transaction of the work: it is there exactly if the work is.
    A refusal is not kept, so the same key may try again. Raises KeyMissing, KeyReused and
    KeyInProgress.
    """

    @wraps(view)
    def kept(request: HttpRequest, **arguments: Any) -> HttpResponse:
        key = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if key is None or request.method in READS or hasattr(view, "repeats_itself"):
            return view(request, **arguments)
        if not key.isprintable() or not 1 <= len(key) <= LONGEST:
            raise KeyMissing
        with transaction.atomic():
            return _first_answer(request, key, lambda: view(request, **arguments))

    return kept


def _first_answer(request: HttpRequest, key: str, work: Callable[[], HttpResponse]) -> HttpResponse:
    source = f"key:{key_of(request).pk}"
    today, yesterday = _locked(source, key)
    digest = _digest(request)
    rows = Inbound.objects.filter(source=source, message_id=key, day__in=(today, yesterday))
    if before := rows.first():
        return _again(before, digest)
    response = work()
    Inbound.objects.create(
        source=source,
        message_id=key,
        day=today,
        body_digest=digest,
        status=response.status_code,
        answer=response.content.decode(),
    )
    return response


def _again(before: Inbound, digest: str) -> HttpResponse:
    if before.body_digest != digest:
        raise KeyReused
    response = sent(before.answer or "", before.status or 200)
    response["Idempotent-Replayed"] = "true"
    return response


def _locked(source: str, key: str) -> tuple[date, date]:
    """Hold this key until the transaction ends; today and yesterday by the database's clock."""
    number = hashlib.sha256(f"{source} {key}".encode()).digest()[:8]
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [int.from_bytes(number, signed=True)])
        is_ours, today, yesterday = cursor.fetchone()
    if not is_ours:
        raise KeyInProgress
    return today, yesterday


def _digest(request: HttpRequest) -> str:
    """What must be the same the second time: the address and the body."""
    return hashlib.sha256(request.path.encode() + b"\n" + request.body).hexdigest()
