"""Files as evidence: kept once, tied to cases, and shown only to who sees the case."""

from __future__ import annotations

import hashlib
import struct
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client, override_settings
from django.utils import timezone

from orchestrator import attachments, engine, jobs
from orchestrator.exceptions import Invalid
from orchestrator.models import Attachment, Case, CaseAttachment, Counter, Upload, Workflow
from orchestrator.rasters import media_type_of, raster_of
from tests import world
from tests.programs import Program, refusal

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n<script>alert(1)</script>"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", 2, 3) + b"\x08\x02\0\0\0" + b"\0" * 16
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def bring(program: Program, content: bytes, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {program.text}"} | more.pop("headers", {})
    kind = more.pop("content_type", "application/pdf")
    return program.client.post("/api/v1/attachments", content, content_type=kind, headers=headers)


def brought(content: bytes, by: str = "alice", name: str = "invoice.pdf") -> dict[str, str]:
    kept = attachments.store(world.actor(by), content)
    return {"attachment": f"sha256:{kept.digest}", "name": name}


def started(reference: dict[str, Any], by: str = "alice", key: str = "r-1") -> Case:
    return engine.start_case(
        Workflow.objects.get(slug="expenses"),
        actor=world.actor(by),
        key=key,
        data={"text": "A receipt", "files": [reference]},
    ).case


@pytest.fixture
def place() -> Workflow:
    return world.workflow()


def fetch(case: Case, name: str, who: str = "bea", **headers: str) -> Any:
    row = CaseAttachment.objects.filter(case=case).select_related("attachment").get()
    client = Client()
    client.force_login(world.person(who))
    path = f"/cases/{case.pk}/attachments/{row.attachment.digest}/{name}"
    return client.get(path, headers=headers)


def test_bytes_are_kept_once_and_named_by_their_hash() -> None:
    alice, bea = Program("alice"), Program("bea")

    first, again, hers = bring(alice, PDF), bring(alice, PDF), bring(bea, PDF)

    digest = f"sha256:{hashlib.sha256(PDF).hexdigest()}"
    told = {"id": digest, "size": len(PDF), "media_type": "application/pdf"}
    assert first.json() == again.json() == hers.json() == told
    # Bea is not told that somebody else has the same file.
    assert [one.status_code for one in (first, again, hers)] == [201, 200, 201]
    assert Attachment.objects.count() == 1


@override_settings(ATTACHMENT_BYTES_A_DAY=100)
def test_in_a_day_nobody_brings_more_than_the_quota() -> None:
    alice = Program("alice")

    assert [bring(alice, body).status_code for body in (b"a" * 60, b"a" * 60)] == [201, 200]
    answer = bring(alice, b"b" * 60)

    refusal(answer, 429, "quota-used")
    assert int(answer["Retry-After"]) > 0
    assert Attachment.objects.count() == 1
    assert bring(alice, b"c" * 40).status_code == 201
    assert bring(Program("ben"), b"b" * 60).status_code == 201
    # Another day.
    Counter.objects.filter(scope="uploads").update(histogram={"day": 1})
    assert bring(alice, b"d" * 100).status_code == 201


def test_a_form_brings_the_same_as_the_bytes() -> None:
    alice = Program("alice")
    headers = {"Authorization": f"Bearer {alice.text}"}
    form = {"file": SimpleUploadedFile("odd \r\n name.html", PDF, "text/html")}

    sent = alice.client.post("/api/v1/attachments", form, headers=headers)

    assert sent.status_code == 201, sent.content
    assert sent.json() == bring(alice, PDF).json()
    refusal(alice.client.post("/api/v1/attachments", {"a": "b"}, headers=headers), 422, "invalid")


def test_a_key_for_repeats_is_not_needed_and_does_no_harm() -> None:
    alice = Program("alice")
    large = b"\1" * (2 << 20)
    headers = {"Idempotency-Key": "one"}

    answers = [bring(alice, body, headers=headers).status_code for body in (large, large, PDF)]

    assert answers == [201, 200, 201]


@override_settings(ATTACHMENT_MAX_BYTES=100)
def test_what_is_too_large_or_empty_is_refused_before_it_is_kept() -> None:
    alice = Program("alice")

    refusal(bring(alice, b"x" * 101), 413, "too-large")
    refusal(bring(alice, b"x" * (1 << 20)), 413, "too-large")
    refusal(bring(alice, b""), 422, "invalid")
    assert bring(alice, b"x" * 100).status_code == 201
    assert bring(Program("alice", "review"), b"x").status_code == 403
    assert Attachment.objects.count() == 1


def test_the_bytes_say_what_a_file_is() -> None:
    jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x05\0\x07\x03"
    webp = b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0" + b"\x09\0\0" + b"\x04\0\0"
    found = [raster_of(one) for one in (PNG, jpeg, webp, b"GIF89a\x07\0\x05\0")]

    assert [(one.media_type, one.width, one.height) for one in found if one] == [
        ("image/png", 2, 3), ("image/jpeg", 7, 5), ("image/webp", 10, 5), ("image/gif", 7, 5),
    ]  # fmt: skip
    for content in (PNG, jpeg, webp):
        for end in range(len(content)):
            raster_of(content[:end])
    assert media_type_of(SVG) == media_type_of("übrig".encode()) == "text/plain"
    assert media_type_of(b"\0\xff") == "application/octet-stream"


def test_a_case_comes_with_its_files(place: Workflow) -> None:
    program = Program("alice")
    reference = {"attachment": bring(program, PDF).json()["id"], "name": "invoice.pdf"}
    body = {"key": "r-1", "data": {"text": "", "files": [{"deep": reference}]}}

    first, again = (program.post("workflows/expenses/cases", body) for _ in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["data"] == body["data"]
    row = CaseAttachment.objects.get()
    assert (row.case_id, row.name) == (first.json()["id"], "invoice.pdf")
    path = f"cases/{row.case_id}/attachments/{row.attachment.digest}/invoice.pdf"
    assert program.get(path).content == PDF
    refusal(Program("carl").get(path), 404, "not-found")


def test_a_batch_says_which_case_names_a_file_that_is_not_there(place: Workflow) -> None:
    good, bad = brought(PDF), {"attachment": f"sha256:{'0' * 64}"}
    cases = [
        {"key": key, "data": {"text": "", "file": one}} for key, one in (("a", good), ("b", bad))
    ]

    found = engine.start_cases(place, actor=world.actor("alice"), cases=cases)

    assert [one.status for one in found] == ["created", "invalid"]
    assert found[1].problems[0]["path"] == "/data/file/attachment"
    assert CaseAttachment.objects.get().case.key == "a"


@pytest.mark.parametrize(
    "reference",
    [
        {"attachment": "sha256:abc"},
        {"attachment": f"sha256:{'A' * 64}"},
        {"attachment": f"sha256:{hashlib.sha256(PDF).hexdigest()}", "name": 3},
        {"attachment": f"sha256:{hashlib.sha256(PDF).hexdigest()}", "name": "n" * 201},
    ],
)
def test_a_reference_that_is_none_is_refused(place: Workflow, reference: dict[str, Any]) -> None:
    brought(PDF)

    with pytest.raises(Invalid):
        started(reference)


def test_a_hash_opens_nothing(place: Workflow) -> None:
    """Who knows the digest of a file, but neither brought it nor sees a case with it."""
    hers = brought(PDF, by="alice")
    nobody = {"attachment": f"sha256:{'0' * 64}", "name": "x"}
    world.person("carl").groups.add(*world.person("alice").groups.filter(name="Workflow owners"))
    world.workflow(
        **{
            "workflow: expenses": "workflow: others",
            "Finance": "Another team",
            "owner: alice": "owner: dora",
            "accountable: alice": "accountable: dora",
        }
    )
    other = Workflow.objects.get(slug="others")

    def problems(reference: dict[str, str]) -> Any:
        with pytest.raises(Invalid) as refused:
            engine.start_case(
                other, actor=world.actor("carl"), key="c", data={"text": "", "file": reference}
            )
        return refused.value.details["problems"]

    assert problems(hers) == problems(nobody)
    # Ben has not brought it, but he sees a case of his team that has it.
    started(hers)
    assert started(hers, by="ben", key="r-2").attachments.count() == 1
    assert problems(hers) == problems(nobody)


def test_only_who_sees_the_case_gets_its_file(place: Workflow) -> None:
    case = started(brought(PDF))

    answered = {who: fetch(case, "invoice.pdf", who).status_code for who in ("bea", "cara", "carl")}

    assert answered == {"bea": 200, "cara": 200, "carl": 404}
    assert fetch(case, "other.pdf").status_code == 404
    other = world.started(place)
    digest = Attachment.objects.get().digest
    client = Client()
    client.force_login(world.person("bea"))
    assert client.get(f"/cases/{other.pk}/attachments/{digest}/invoice.pdf").status_code == 404


@pytest.mark.parametrize(
    ("content", "kind"),
    [(PDF, "application/pdf"), (SVG, "text/plain"), (b"<html><script>", "text/plain")],
)
def test_what_is_no_plain_image_is_only_downloaded(
    place: Workflow, content: bytes, kind: str
) -> None:
    """Whatever its name says."""
    answer = fetch(started(brought(content, name="photo.png")), "photo.png")

    assert answer.content == content
    assert answer["Content-Disposition"] == 'attachment; filename="photo.png"'
    assert answer["Content-Type"] == kind
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_plain_image_is_shown_and_kept_by_the_browser(place: Workflow) -> None:
    case = started(brought(PNG, name="photo.html"))

    first = fetch(case, "photo.html")

    assert first["Content-Disposition"] == 'inline; filename="photo.html"'
    assert first["Content-Type"] == "image/png"
    assert first["Cache-Control"] == "private, max-age=31536000, immutable"
    assert "Cookie" in first["Vary"]
    again = fetch(case, "photo.html", **{"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert fetch(case, "photo.html", "carl", **{"If-None-Match": first["ETag"]}).status_code == 404


def test_an_image_that_would_fill_the_memory_is_only_downloaded(place: Workflow) -> None:
    bomb = PNG[:16] + struct.pack(">II", 60_000, 60_000) + PNG[24:]

    answer = fetch(started(brought(bomb, name="x.png")), "x.png")

    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("..", "attachment"),
        ("", "attachment"),
        ("a\r\nSet-Cookie: x=1\r\n\r\n<b>.pdf", None),
        ("invoice\u202efdp.exe", "invoice[U+202E]fdp.exe"),
        ('quo"te\\.pdf', 'quo"te_.pdf'),
        ("Rechnung Ü?#%.pdf", "Rechnung Ü?#%.pdf"),
        ("a\x00b", None),
    ],
)
def test_a_name_does_no_harm(place: Workflow, name: str, told: str | None) -> None:
    case = started(brought(PDF))
    if "\x00" not in name:
        CaseAttachment.objects.update(name=name)
    plain = attachments.file_name(name)
    assert told in (None, plain)
    assert not set("\r\n\x00/\\") & set(plain)

    (shown,) = attachments.attached(case.pk).values()
    client = Client()
    client.force_login(world.person("bea"))
    answer = client.get(shown.address)

    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert "\n" not in answer["Content-Disposition"]


def test_what_no_case_uses_is_removed_after_a_day(place: Workflow) -> None:
    used, unused, fresh = brought(PDF), brought(PNG), brought(SVG)
    started(used)
    day = timezone.now() - timedelta(days=1, minutes=1)
    Upload.objects.exclude(attachment__digest=fresh["attachment"][7:]).update(at=day)

    jobs.maintain()

    left = {f"sha256:{digest}" for digest in Attachment.objects.values_list("digest", flat=True)}
    assert left == {used["attachment"], fresh["attachment"]}
    with pytest.raises(Invalid):
        started(unused, key="late")
    brought(PNG)
    assert started(unused, key="again").attachments.exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_case_is_being_started_with_is_not_removed() -> None:
    world.workflow()
    reference = brought(PDF)
    Upload.objects.update(at=timezone.now() - timedelta(days=2))

    def clean() -> int:
        try:
            return attachments.remove_unused()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            case = started(reference)
            assert pool.submit(clean).result(timeout=20) == 0
        assert pool.submit(clean).result(timeout=20) == 0

    assert case.attachments.get().attachment.content
