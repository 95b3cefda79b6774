"""The files of a case, to whoever sees the case."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from orchestrator import attachments, authority
from orchestrator.views.requests import actor_of


@require_safe
def attachment(request: HttpRequest, pk: int, digest: str, name: str) -> HttpResponse:
    """The bytes of a file: plain images are shown, all else is only downloaded."""
    case = authority.access_case(actor_of(request), pk)
    row = attachments.attached_as(case, digest, name)
    headers = attachments.headers(row)
    if headers["ETag"] in parse_etags(request.headers.get("If-None-Match", "")):
        return HttpResponseNotModified(headers=headers)
    return HttpResponse(bytes(row.attachment.content), headers=headers)
