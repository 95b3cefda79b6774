"""Keys of programs: ``rw_<prefix>_<secret>``, shown once; only the HMAC is kept."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from orchestrator.exceptions import NotAllowed, Unauthorized
from orchestrator.models import Actor, ApiKey

SCOPES: Final = ("cases", "review", "feedback", "work")
_FORM: Final = re.compile(
    r"(?i:bearer) +rw_(?P<prefix>[0-9a-f]{1,16})_(?P<secret>[\w-]{1,100})", re.ASCII
)
# In the order of the models' fields, as from_db wants them.
_KEY: Final = ("id", "prefix", "hmac", "actor_id", "scopes")
_ACTOR: Final = ("id", "kind", "name", "revision", "user_id")
_USER: Final = ("id", "is_superuser", "username", "is_active")
_READ: Final = """
    SELECT k.id, k.prefix, k.hmac, k.actor_id, k.scopes,
        a.id, a.kind, a.name, a.revision, a.user_id,
        u.id, u.is_superuser, u.username, u.is_active
    FROM orchestrator_apikey k
    JOIN orchestrator_actor a ON a.id = k.actor_id
    LEFT JOIN auth_user u ON u.id = a.user_id
    WHERE k.prefix = %s AND k.revoked_at IS NULL
"""


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
    key = _key(found["prefix"])
    if key is None or not _is_right(key, found["secret"]) or not _is_active(key.actor):
        raise Unauthorized
    return key


def _key(prefix: str) -> ApiKey | None:
    """The key that is not revoked. Every request pays for this, so by SQL, not by the ORM."""
    with connection.cursor() as cursor:
        cursor.execute(_READ, [prefix])
        row = cursor.fetchone()
    if row is None:
        return None
    key = ApiKey.from_db(connection.alias, _KEY, row[:5])
    key.actor = Actor.from_db(connection.alias, _ACTOR, row[5:10])
    if key.actor.user_id is not None:
        key.actor.user = User.from_db(connection.alias, _USER, row[10:])
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
