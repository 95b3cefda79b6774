"""Files: how a program brings one, and reads those of a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from ninja import Path, Router, Schema
from pydantic import Field

from orchestrator import attachments, authority
from orchestrator.api.access import reads
from orchestrator.api.answers import answer
from orchestrator.api.keys import actor_of
from orchestrator.exceptions import Invalid, TooLarge

router = Router(tags=["Attachments"])

FRAME: Final = 1 << 16
"""What the frame of a multipart body may take beside the file."""

_FILE: Final = {"type": "string", "format": "binary"}
_BODY: Final = {
    "required": True,
    "content": {
        "application/octet-stream": {"schema": _FILE},
        "multipart/form-data": {"schema": {"type": "object", "properties": {"file": _FILE}}},
    },
}


class AttachmentOut(Schema):
    """What was kept."""

    id: str = Field(description="sha256: and the digest: how cases refer to it.")
    size: int = Field(description="Bytes.")
    media_type: str = Field(description="What the bytes are; what was claimed does not count.")


def _declared() -> dict[str, Any]:
    declared = reads("cases")
    declared["openapi_extra"]["requestBody"] = _BODY
    return declared


@router.post(
    "/attachments",
    response={201: AttachmentOut, 200: AttachmentOut},
    summary="Bring a file",
    **_declared(),
)
def bring_attachment(request: HttpRequest) -> HttpResponse:
    """Send the bytes as they are, or as the one file of a multipart form; by default at most
    10 MiB. 201 and its id, by which a case then refers to it:
    {"attachment": "sha256:…", "name": "invoice.pdf"}. The same bytes again give 200 and the
    same id. What no case refers to is removed after a day."""
    kept = attachments.store(actor_of(request), _content(request))
    body = {
        "id": f"{attachments.PREFIX}{kept.digest}",
        "size": kept.size,
        "media_type": kept.media_type,
    }
    return answer(body, 201 if kept.is_new else 200)


bring_attachment.repeats_itself = True  # type: ignore[attr-defined]


def _content(request: HttpRequest) -> bytes:
    """The bytes that were sent, never many more than are allowed."""
    most = settings.ATTACHMENT_MAX_BYTES
    if int(request.META.get("CONTENT_LENGTH") or 0) > most + FRAME:
        raise TooLarge(f"An attachment has at most {most:,} bytes.")
    if request.content_type != "multipart/form-data":
        return _read(request.read, most)
    files = [one for _, found in request.FILES.lists() for one in found]
    if len(files) != 1:
        raise Invalid(problems=[{"path": "", "message": "Send one file in the form."}])
    return _read(files[0].read, most)


def _read(read: Callable[[int], bytes], most: int) -> bytes:
    """One byte too many is enough to see that it is too large."""
    return read(most + 1)


@router.get(
    "/cases/{int:case_id}/attachments/{digest}/{name}",
    summary="Read a file of a case",
    **reads("cases"),
)
def read_attachment(
    request: HttpRequest,
    case_id: int,
    digest: Annotated[str, Path(max_length=64)],
    name: Annotated[str, Path(description="As the case names it.")],
) -> HttpResponse:
    """The bytes, to whoever may see the case. `digest` is the id without sha256:."""
    case = authority.access_case(actor_of(request), case_id)
    row = attachments.attached_as(case, digest, name)
    return HttpResponse(bytes(row.attachment.content), headers=attachments.headers(row))
