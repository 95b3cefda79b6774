"""What every view reads of a request: who acts, which page of a list, where it came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.contrib.auth.models import User
from django.db import models
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from orchestrator.exceptions import Invalid
from orchestrator.models import Actor

Row = TypeVar("Row", bound=models.Model)
MAX_ID = 2**63 - 1
MAX_REASON = 500
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """A keyset page: rows below ``before``, newest first. Nothing is counted."""

    rows: Sequence[Row]
    first_url: str
    next_url: str


def user_of(request: HttpRequest) -> User:
    return cast("User", request.user)


def actor_of(request: HttpRequest) -> Actor:
    """As whom this person acts; holds the same user, whose permissions are read only once."""
    actor = Actor.objects.for_user(user_of(request))
    actor.user = user_of(request)
    return actor


def page_of(request: HttpRequest, rows: models.QuerySet[Row], *, size: int) -> Page[Row]:
    """The rows of the query set that this request asks for with ``?before=<id>``."""
    before = number(request, "before")
    found = list((rows.filter(pk__lt=before) if before else rows).order_by("-pk")[: size + 1])
    shown = found[:size]
    return Page(
        shown,
        first_url=link(request, before=None) if before else "",
        next_url=link(request, before=shown[-1].pk) if len(found) > size else "",
    )


def number(request: HttpRequest, name: str) -> int | None:
    """A positive number of the query; None for anything else."""
    text = request.GET.get(name, "")
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return value if 0 < value <= MAX_ID else None


def text(request: HttpRequest, name: str) -> str:
    """A text of the query as PostgreSQL can take it."""
    return request.GET.get(name, "")[:MAX_TEXT].replace("\x00", "").strip()


def link(request: HttpRequest, **changes: Any) -> str:
    """This address with some of its query replaced; None leaves a part out."""
    query = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value is not None:
            query[name] = str(value)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def reason_of(request: HttpRequest) -> str:
    """The reason that was sent. Raises Invalid when there is none."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()
    if not reason:
        raise Invalid(_("Give a reason, so that others understand it later."))
    return reason[:MAX_REASON]


def came_from(request: HttpRequest) -> str:
    """The page of ours on which the form stood, "" when it is not known."""
    return ours(request, request.headers.get("Referer", ""))


def ours(request: HttpRequest, address: str) -> str:
    """The address if it is a page of ours, else ""."""
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(address, hosts, require_https=request.is_secure())
    return address if is_ours else ""
