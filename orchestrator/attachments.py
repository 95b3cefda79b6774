"""Files as evidence: brought once, referred to by cases, shown to whoever sees the case.

Data and outputs refer to one as ``{"attachment": "sha256:…", "name": "invoice.pdf"}``. A digest
is a name and no right: who refers to it has brought the same bytes, or sees a case with them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.http import content_disposition_header

from orchestrator import quotas
from orchestrator.connectors import Picture
from orchestrator.exceptions import Invalid, NotFound, TooLarge
from orchestrator.models import Actor, Attachment, Case, CaseAttachment, Upload
from orchestrator.models.fields import ClockTimestamp
from orchestrator.models.rows import insert_many
from orchestrator.pointers import Problem, child
from orchestrator.rasters import Raster, media_type_of, raster_of
from orchestrator.strictjson import HIDDEN

PREFIX: Final = "sha256:"
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME: Final = 200
MOST: Final = 100
"""Different attachments of one case."""

UNUSED: Final = timedelta(days=1)
NAMELESS: Final = "attachment"
APART: Final = re.compile(r"[/\\\x00-\x1f\x7f-\x9f]")

YEAR: Final = 60 * 60 * 24 * 365

# The lock keeps out whoever removes what nobody uses, and nobody else.
HOLD: Final = "SELECT id FROM orchestrator_attachment WHERE id = ANY(%s) FOR KEY SHARE"
KEEP: Final = """
    INSERT INTO orchestrator_attachment (digest, size, media_type, width, height, content)
    VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (digest) DO UPDATE SET digest = EXCLUDED.digest RETURNING id
"""
BRING: Final = """
    INSERT INTO orchestrator_upload (attachment_id, actor_id) VALUES (%s, %s)
    ON CONFLICT (attachment_id, actor_id) DO UPDATE SET at = clock_timestamp()
    RETURNING xmax = 0
"""
REMOVE: Final = "DELETE FROM orchestrator_attachment WHERE id = ANY(%s)"


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a case refers to an attachment. ``said`` and ``name`` are as they came."""

    path: str
    said: str
    name: Any

    @property
    def digest(self) -> str:
        return self.said.removeprefix(PREFIX)


@dataclass(frozen=True, slots=True)
class Stored:
    """What was brought. ``is_new``: this actor had not brought it before."""

    digest: str
    size: int
    media_type: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Attached:
    """An attachment as a page of its case shows it; ``raster`` where a browser may draw it."""

    name: str
    address: str
    size: int
    media_type: str
    raster: Raster | None = None


def store(actor: Actor, content: bytes) -> Stored:
    """Keep these bytes, once, and that the actor has brought them.

    Raises TooLarge, Invalid, and QuotaUsed; what the actor had brought already costs nothing.

    Whether others have brought the same is not told.
    """
    if len(content) > settings.ATTACHMENT_MAX_BYTES:
        raise TooLarge(f"An attachment has at most {settings.ATTACHMENT_MAX_BYTES:,} bytes.")
    if not content:
        raise Invalid(problems=[{"path": "", "message": "Send the bytes of a file."}])
    digest, kind, raster = hashlib.sha256(content).hexdigest(), media_type_of(content), None
    if (found := raster_of(content)) and found.is_drawable:
        raster = found
    size = (raster.width, raster.height) if raster else (None, None)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(KEEP, [digest, len(content), kind, *size, content])
        cursor.execute(BRING, [cursor.fetchone()[0], actor.pk])
        if is_new := bool(cursor.fetchone()[0]):
            quotas.spend(actor.pk, len(content))
        return Stored(digest, len(content), kind, is_new)


def references(value: Any, path: str = "") -> list[Reference]:
    """Where ``value`` refers to attachments, at whatever depth."""
    found = []
    if isinstance(value, Mapping):
        said = value.get("attachment")
        if isinstance(said, str) and said.startswith(PREFIX):
            found.append(Reference(path, said, value.get("name", "")))
    for where, inner in _holders(value, path):
        found += references(inner, where)
    return found


def _holders(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Only what can hold a reference: most of a case are texts and numbers."""
    pairs: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for name, inner in pairs:
        if isinstance(inner, Mapping | list):
            yield child(path, str(name)), inner


def problems(actor: Actor, found: Iterable[Reference]) -> list[Problem]:
    """What is wrong with these references of a case that the actor starts.

    Until the transaction ends, none of those that are right goes away.
    """
    found = list(found)
    if wrong := [Problem(one.path, message) for one in found for message in _wrong(one)]:
        return wrong
    wanted = {one.digest for one in found}
    if len(wanted) > MOST:
        return [Problem("", f"A case has at most {MOST} attachments.")]
    known = _allowed(actor, wanted) if wanted else set()
    return [
        Problem(child(one.path, "attachment"), "You have brought no attachment with this digest.")
        for one in found
        if one.digest not in known
    ]


def _wrong(one: Reference) -> Iterator[str]:
    if not DIGEST.fullmatch(one.digest):
        yield "An attachment is named by sha256: and 64 hexadecimal digits."
    if not isinstance(one.name, str) or len(one.name) > LONGEST_NAME:
        yield f"The name of an attachment is a text of at most {LONGEST_NAME} characters."


def _allowed(actor: Actor, digests: Iterable[str]) -> set[str]:
    """Those that the actor may refer to, held until the transaction ends."""
    own = Upload.objects.filter(attachment=OuterRef("pk"), actor=actor)
    seen = CaseAttachment.objects.filter(
        attachment=OuterRef("pk"), case__in=Case.objects.visible_to(actor)
    )
    rows = Attachment.objects.filter(Q(Exists(own)) | Q(Exists(seen)), digest__in=digests)
    found = dict(rows.values_list("pk", "digest"))
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [list(found)])
        return {found[pk] for (pk,) in cursor.fetchall()}


def link(found: Mapping[int, Iterable[Reference]]) -> None:
    """Tie attachments to the cases (by id) that refer to them."""
    wanted = {(case, one.digest, one.name) for case, rows in found.items() for one in rows}
    if not wanted:
        return
    digests = {digest for _, digest, _ in wanted}
    rows = Attachment.objects.filter(digest__in=digests)
    ids = dict(rows.values_list("digest", "pk"))
    insert_many(
        [
            CaseAttachment(case_id=case, attachment_id=ids[digest], name=name)
            for case, digest, name in sorted(wanted)
        ]
    )


def attached(case_id: int) -> dict[str, Attached]:
    """The attachments of a case by ``key_of`` a reference. One query, without the bytes."""
    rows = CaseAttachment.objects.filter(case=case_id).select_related("attachment")
    found = rows.defer("attachment__content").order_by("pk")
    return {f"{PREFIX}{row.attachment.digest}/{row.name}": _attached(row) for row in found}


def key_of(value: Any) -> str:
    """What ``attached`` names the attachment by to which a value refers; "" for other values."""
    if not isinstance(value, Mapping):
        return ""
    said, name = value.get("attachment"), value.get("name", "")
    return f"{said}/{name}" if isinstance(said, str) and said.startswith(PREFIX) else ""


def picture(case_id: int, value: Any) -> Picture | None:
    """The bytes of a case's image to which a value refers; None for whatever else."""
    digest = key_of(value).removeprefix(PREFIX).partition("/")[0]
    if not digest:
        return None
    rows = Attachment.objects.filter(cases__case=case_id, digest=digest, width__isnull=False)
    for row in rows[:1]:
        return Picture(row.media_type, bytes(row.content))
    return None


def _attached(row: CaseAttachment) -> Attached:
    kept, raster = row.attachment, None
    if kept.width and kept.height:
        raster = Raster(kept.media_type, kept.width, kept.height)
    name = file_name(row.name)
    address = reverse("attachment", args=[row.case_id, kept.digest, name])
    return Attached(row.name or NAMELESS, address, kept.size, kept.media_type, raster)


def file_name(name: str) -> str:
    """A name that is safe in an address, a header and a folder; nothing in it is hidden."""
    shown = HIDDEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", name)
    plain = APART.sub("_", shown).strip()
    return NAMELESS if plain in ("", ".", "..") else plain


def attached_as(case: Case, digest: str, name: str) -> CaseAttachment:
    """What a case has under this digest and file name, or NotFound."""
    rows = CaseAttachment.objects.filter(case=case, attachment__digest=digest)
    found = rows.select_related("attachment").defer("attachment__content")
    for row in found:
        if file_name(row.name) == name:
            return row
    raise NotFound


def headers(row: CaseAttachment) -> dict[str, str]:
    """How these bytes are sent: nothing in them runs here, and only plain images are shown."""
    drawn = row.attachment.width is not None
    said = content_disposition_header(not drawn, file_name(row.name))
    return {
        "Content-Type": row.attachment.media_type,
        "Content-Disposition": said or "inline",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": f"private, max-age={YEAR}, immutable",
        "ETag": etag(row.attachment.digest),
    }


def etag(digest: str) -> str:
    return f'"{digest}"'


def remove_unused() -> int:
    """Remove what no case has referred to for a day since it was last brought; how many."""
    late = Upload.objects.filter(attachment=OuterRef("pk"), at__gt=ClockTimestamp() - UNUSED)
    used = CaseAttachment.objects.filter(attachment=OuterRef("pk"))
    unused = Attachment.objects.filter(~Exists(used), ~Exists(late))
    with transaction.atomic():
        # Locked first: whoever ties one to a case meanwhile keeps it, or comes too late.
        held = unused.select_for_update(skip_locked=True).values_list("pk", flat=True)
        going = list(unused.filter(pk__in=list(held)).values_list("pk", flat=True))
        Upload.objects.filter(attachment__in=going).delete()
        with connection.cursor() as cursor:
            # Django would read the bytes first.
            cursor.execute(REMOVE, [going])
    return len(going)
