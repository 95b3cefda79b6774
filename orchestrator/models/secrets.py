"""Texts that stand in the database only as ciphertext, under a key made from SECRET_KEY."""

from __future__ import annotations

import logging
from base64 import urlsafe_b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models

PREFIX: Final = "fernet:"

log = logging.getLogger(__name__)


if TYPE_CHECKING:
    _Text = models.TextField[str, str]
else:
    # At run time Django's fields take no parameters.
    _Text = models.TextField


class SecretField(_Text):
    """Encrypted when written, plain when read. No query can compare it.

    Fallback keys still read; the next save writes under the first. What no key opens reads
    as empty, so that a call goes out without a secret rather than with a wrong one.
    """

    def get_prep_value(self, value: Any) -> Any:
        text = super().get_prep_value(value)
        return PREFIX + _box().encrypt(text.encode()).decode() if text else text

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        if not value or not value.startswith(PREFIX):
            return value
        try:
            return _box().decrypt(value.removeprefix(PREFIX).encode()).decode()
        except InvalidToken:
            log.exception("A secret was written under another SECRET_KEY; set it again.")
            return ""

    def deconstruct(self) -> Any:
        """The column is a text: nothing to migrate."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs


def _box() -> MultiFernet:
    return _boxes(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)


@lru_cache(maxsize=8)
def _boxes(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(_derived(key)) for key in keys])


def _derived(key: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"rewire connection secrets")
    return urlsafe_b64encode(kdf.derive(key.encode()))
