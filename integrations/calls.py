"""One guarded HTTP exchange, and what its outcome means for the engine.

Nothing here tries twice: the engine does, and needs to know two things of a failure, which
are whether another try may help and whether the other side may have acted already.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from integrations.transport import AddressRefused, CertificateRefused, client
from orchestrator import strictjson
from orchestrator.connectors import CallError, PermanentError, TransientError
from orchestrator.exceptions import Refusal

MAX_ANSWER = 1 << 20
MAX_REASON = 8 << 10
MAX_WORDS = 200
LONGEST_WAIT = 86_400.0

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
REFUSED_FOR_NOW = {408, 425, 429}
NEVER_SERVED = {501, 505}
NOT_THERE = {404, 410}
DONE_SEE_OTHER = {301, 302, 303}
REASON_KEYS = ("detail", "title", "message", "error")


class Missing(PermanentError):
    """The other side has nothing at this address."""


def fetch(request: httpx2.Request, *, seconds: float, attempt: int = 1, secret: str = "") -> Any:
    """The JSON of a 2xx answer, None for an empty one. Raises TransientError, PermanentError."""
    body = send(request, seconds=seconds, attempt=attempt, secret=secret)
    if not body:
        return None
    try:
        return strictjson.loads(body, max_bytes=MAX_ANSWER)
    except Refusal as error:
        raise PermanentError(
            f"{request.url.host} gave an answer that cannot be read. {error.message}",
            may_have_happened=acts(request),
        ) from error


def send(request: httpx2.Request, *, seconds: float, attempt: int = 1, secret: str = "") -> bytes:
    """The body of a 2xx answer. Raises TransientError, PermanentError.

    ``seconds`` covers the whole exchange, look-up and body included. ``secret`` is kept out
    of messages, should the other side repeat it.
    """
    try:
        with client(seconds) as http:
            response = http.send(request, stream=True)
            if response.is_success:
                return _body(response)
            raise _refusal(response, attempt, secret)
    except httpx2.HTTPError as error:
        raise _failure(error, request, seconds) from error


def acts(request: httpx2.Request) -> bool:
    """Whether the other side may do something on this request (RFC 9110, section 9.2.1)."""
    return request.method not in SAFE_METHODS


def retry_after(value: str) -> float | None:
    """Seconds to wait, from a ``Retry-After`` header: a number or a date; at most a day."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip(), re.ASCII):
        return min(float(value), LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_WAIT)


def _body(response: httpx2.Response) -> bytes:
    host, acted = response.request.url.host, acts(response.request)
    # None was asked for, and unpacking would hide an answer that was cut off.
    if response.headers.get("content-encoding", "identity") != "identity":
        raise PermanentError(f"{host} gave a compressed answer.", may_have_happened=acted)
    body = bytearray()
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_ANSWER:
            message = f"{host} gave an answer larger than 1 MiB."
            raise PermanentError(message, may_have_happened=acted)
    return bytes(body)


def _refusal(response: httpx2.Response, attempt: int, secret: str) -> CallError:
    """What a status other than 2xx means."""
    status = response.status_code
    wait = retry_after(response.headers.get("retry-after", ""))
    message = f"{response.request.url.host} answered {status}{_reason(response, secret)}"
    acted = acts(response.request)
    if status in REFUSED_FOR_NOW:
        return TransientError(message, retry_after=wait)
    # After an earlier try, 409 is how a server says that the first one is still running.
    if status == 409 and (attempt > 1 or wait is not None):
        return TransientError(message, retry_after=wait, may_have_happened=acted)
    if status >= 500 and status not in NEVER_SERVED:
        return TransientError(message, retry_after=wait, may_have_happened=acted)
    if response.is_redirect:
        message = f"{message} Redirects are not followed: put the final address into the settings."
    if status in NOT_THERE:
        return Missing(message)
    return PermanentError(message, may_have_happened=acted and status in DONE_SEE_OTHER)


def _reason(response: httpx2.Response, secret: str) -> str:
    """The other side's own words, shortened, as the end of a sentence."""
    try:
        told = strictjson.loads(_start(response))
    except Refusal:
        return "."
    words = " ".join(_words(told).split())
    if credential := secret.rpartition(" ")[2]:
        words = words.replace(credential, "[secret]")
    if not words:
        return "."
    shown = strictjson.visible(words)
    return f": {shown[:MAX_WORDS]}…" if len(shown) > MAX_WORDS else f": {shown.rstrip('.')}."


def _start(response: httpx2.Response) -> bytes:
    """The first bytes of a refusal; the status counts even when its body never arrives."""
    body = b""
    try:
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > MAX_REASON:
                break
    except httpx2.HTTPError:
        return b""
    return body


def _words(told: Any) -> str:
    """The sentence in a JSON refusal: problem details first, then the usual other keys."""
    if isinstance(told, str):
        return told
    if not isinstance(told, dict):
        return ""
    return next((words for key in REASON_KEYS if (words := _words(told.get(key)))), "")


def _failure(error: httpx2.HTTPError, request: httpx2.Request, seconds: float) -> CallError:
    """What an exchange that never ended in a status means."""
    host = request.url.host
    match error:
        case AddressRefused() | CertificateRefused():
            return PermanentError(str(error))
        case httpx2.ConnectTimeout():
            return TransientError(f"{host} could not be reached within {seconds:g} s.")
        case httpx2.ConnectError():
            return TransientError(f"{host} cannot be reached: {str(error).rstrip('.')}.")
        case httpx2.TimeoutException():
            message = f"{host} gave no full answer within {seconds:g} s."
            return TransientError(message, may_have_happened=acts(request))
        case httpx2.LocalProtocolError() | httpx2.UnsupportedProtocol():
            # Without the error's own words: they repeat the header, which may be the secret.
            message = f"The request to {host} has characters that HTTP does not allow."
            return PermanentError(message)
    message = f"The connection to {host} broke off before the answer was complete."
    return TransientError(message, may_have_happened=acts(request))
