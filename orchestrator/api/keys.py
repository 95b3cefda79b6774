"""Keys of programs: ``rw_<prefix>_<secret>``, shown once; only the HMAC is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from orchestrator.exceptions import NotAllowed, Unauthorized
from orchestrator.models import Actor, ApiKey

SCOPES: Final = ("cases", "review", "feedback", "work")
_FORM: Final = re.compile(
    r"(?i:bearer) +rw_(?P<prefix>[0-9a-f]{1,16})_(?P<secret>[\w-]{1,100})", re.ASCII
)


def make_key(*, actor: Actor, name: str, scopes: Iterable[str]) -> tuple[ApiKey, str]:
    """A new key of ``actor`` and its text, which nobody can read again afterwards."""
    wanted = sorted(set(scopes), key=SCOPES.index)
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        hmac=_hmac(prefix, secret, settings.SECRET_KEY),
        actor=actor,
        scopes=wanted,
    )
    return row, f"rw_{prefix}_{secret}"


def authenticate(header: str | None) -> ApiKey:
    """The key of an ``Authorization: Bearer …`` header, its actor and user with it. One query.

    Raises Unauthorized, in the same words for each reason.
    """
    found = _FORM.fullmatch(header or "")
    if found is None:
        raise Unauthorized
    rows = ApiKey.objects.select_related("actor__user")
    key = rows.filter(prefix=found["prefix"], revoked_at=None).first()
    if key is None or not _is_right(key, found["secret"]) or not _is_active(key.actor):
        raise Unauthorized
    return key


def _is_right(key: ApiKey, secret: str) -> bool:
    """Whether this is the key's secret, under today's SECRET_KEY or an earlier one."""
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    found = [constant_time_compare(key.hmac, _hmac(key.prefix, secret, one)) for one in known]
    return any(found)


def _is_active(actor: Actor) -> bool:
    return actor.user is None or actor.user.is_active


def _hmac(prefix: str, secret: str, key: str) -> str:
    text = f"{prefix}_{secret}"
    return salted_hmac(__name__, text, secret=key, algorithm="sha256").hexdigest()


class Scope:
    """Lets requests in whose key has one scope; the key is then ``request.auth``."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, request: HttpRequest) -> ApiKey:
        key = authenticate(request.META.get("HTTP_AUTHORIZATION"))
        if self.name not in key.scopes:
            raise NotAllowed(reasons=[f"This key lacks the scope {self.name}."])
        return key


def key_of(request: HttpRequest) -> ApiKey:
    """The key that ``Scope`` let in."""
    key: ApiKey = request.auth  # type: ignore[attr-defined]
    return key


def actor_of(request: HttpRequest) -> Actor:
    """Who acts in a request that ``Scope`` let in."""
    return key_of(request).actor
