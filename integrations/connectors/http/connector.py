"""Calls anything that speaks JSON over HTTP: an agent, an automation, a system of record.

A step's call settings: ``method``, ``path`` (added to the address; ``{/pointer}`` is filled
from the input, ``{key}`` with the idempotency key) and ``body`` (pointer to the part of the input
to send; the whole when absent). ``verify`` says how to look whether an earlier write happened:
the ``path`` to GET, ``found``, a condition on ``answer`` and ``input``, and ``output``, a pointer
into the answer. 404 and 410 say that nothing is there. A brief goes along as the member
``brief`` of a body that is an object.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import httpx2

from integrations.base import BaseConnector, encode, plain
from integrations.calls import Missing, acts, fetch, send
from integrations.connectors.http.settings import METHODS, SETTINGS_SCHEMA
from integrations.transport import allow_list, transport
from orchestrator import conditions, pointers
from orchestrator.connectors import Call, CallError, PermanentError, Report, Result
from orchestrator.pointers import MISSING

PLACE = re.compile(r"\{([^{}]*)\}")
KEY = "key"
PATH = re.compile(r"/(?!/)[\x21-\x7e]*")
WITH_BODY = {"POST", "PUT", "PATCH"}
OWN_HEADERS = {"host", "content-length", "content-type", "transfer-encoding", "connection"}
CHECK_SECONDS = 5.0
INCIDENTAL = frozenset({"headers", "secret_header", "timeout", "check_path"})


class Http(BaseConnector):
    settings_schema = SETTINGS_SCHEMA
    incidental = INCIDENTAL

    def perform(self, call: Call) -> Result:
        request = self._request(call)
        answer = fetch(
            request,
            seconds=min(call.timeout, self.settings.get("timeout", call.timeout)),
            attempt=call.attempt,
            secret=self.secret,
        )
        output = _found(answer, self.settings.get("output", ""))
        if output is MISSING:
            raise PermanentError(
                f"The answer has nothing at {self.settings['output']}.",
                may_have_happened=acts(request),
            )
        return Result(
            output=output,
            confidence=self._part(answer, "confidence"),
            field_confidence=self._part(answer, "field_confidence") or {},
            model=str(self._part(answer, "model") or ""),
        )

    def verify(self, call: Call) -> Result | None:
        """What an earlier write under the call's key left; None where it left nothing."""
        if problems := self.problems():
            raise PermanentError(f"The connection's settings are not valid. {' '.join(problems)}")
        how = call.step.get("verify")
        if not isinstance(how, dict) or not isinstance(how.get("path"), str):
            raise PermanentError("The step's verify names no path to look at.")
        request = self._get(_filled(how["path"], call))
        seconds = min(call.timeout, self.settings.get("timeout", call.timeout))
        try:
            answer = fetch(request, seconds=seconds, secret=self.secret)
        except Missing:
            return None
        if not _holds(how.get("found"), {"answer": answer, "input": call.input}):
            return None
        pointer = how.get("output", self.settings.get("output", ""))
        output = _found(answer, pointer)
        if output is MISSING:
            raise PermanentError(f"What was found has nothing at {pointer}.")
        return Result(output=plain(output))

    def probe(self) -> Report:
        try:
            request = self._get(self.settings.get("check_path", ""))
            reached = _connect(request.url)
            if "check_path" not in self.settings:
                note = "No request was made: with a path of the test, the secret is tried too."
                return Report(ok=True, findings=(reached, note))
            send(request, seconds=CHECK_SECONDS, secret=self.secret)
        except CallError as error:
            return Report(ok=False, findings=(str(error),))
        return Report(ok=True, findings=(reached, f"GET {request.url.path} answered well."))

    def _request(self, call: Call) -> httpx2.Request:
        method = call.step.get("method", self.settings.get("method", "POST"))
        if method not in METHODS:
            raise PermanentError(
                f"The step's method is {method!r}; it can be {', '.join(METHODS)}."
            )
        path = _filled(str(call.step.get("path", "")), call)
        headers = self._headers() | {"idempotency-key": call.idempotency_key}
        content = None
        if method in WITH_BODY:
            content = encode(_briefed(call, _required(call.input, str(call.step.get("body", "")))))
            headers["content-type"] = "application/json"
        return self._built(method, path, headers, content)

    def _get(self, path: str) -> httpx2.Request:
        return self._built("GET", path, self._headers(), None)

    def _built(
        self, method: str, path: str, headers: dict[str, str], content: bytes | None
    ) -> httpx2.Request:
        try:
            url = _extended(httpx2.URL(self.settings["url"]), path)
        except httpx2.InvalidURL as error:
            raise PermanentError(f"The address cannot be read: {error}.") from error
        if self.secret and url.scheme == "http" and not allow_list().names(url.host):
            raise PermanentError(f"The secret would go to {url.host} unencrypted; use https.")
        try:
            return httpx2.Request(method, url, headers=headers, content=content)
        # The error repeats the value, which may be the secret.
        except UnicodeEncodeError:
            raise PermanentError("A header or the secret has characters outside ASCII.") from None

    def _headers(self) -> dict[str, str]:
        """The headers of every call, by lower-case name. Raises PermanentError."""
        own = {name.lower(): value for name, value in self.settings.get("headers", {}).items()}
        if taken := sorted(own.keys() & OWN_HEADERS):
            raise PermanentError(f"Rewire sets these headers itself: {', '.join(taken)}.")
        usual = {"accept": "application/json", "user-agent": "Rewire"}
        return usual | own | {"accept-encoding": "identity"} | self._credentials()

    def _credentials(self) -> dict[str, str]:
        if not self.secret:
            return {}
        name = self.settings.get("secret_header", "").lower()
        if name and name != "authorization":
            return {name: self.secret}
        return {"authorization": self.secret if " " in self.secret else f"Bearer {self.secret}"}

    def _part(self, answer: Any, name: str) -> Any:
        """What the settings' pointer of this name points to; None when it is not there."""
        found = _found(answer, self.settings[name]) if name in self.settings else MISSING
        return None if found is MISSING else found


def _connect(url: httpx2.URL) -> str:
    """Open one connection. Gives a sentence; raises PermanentError."""
    try:
        address = transport(CHECK_SECONDS).connect(url)
    except httpx2.HTTPError as error:
        raise PermanentError(f"{url.host} cannot be reached: {str(error).rstrip('.')}.") from error
    return f"{url.host} was reached at {address}."


def _refuse_unusual(url: httpx2.URL) -> None:
    """Raises PermanentError for an address that a connection may not have."""
    if url.scheme not in {"http", "https"} or not url.host:
        raise PermanentError("The address starts with https:// or http:// and a host.")
    if url.userinfo or url.fragment:
        raise PermanentError("The address has no user name, password or fragment.")
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise PermanentError("The address has a port from 1 to 65535.")


def _extended(url: httpx2.URL, path: str) -> httpx2.URL:
    """The URL with a path added; scheme, host and port stay. Raises PermanentError."""
    _refuse_unusual(url)
    if not path:
        return url
    if not PATH.fullmatch(path) or "\\" in path or "#" in path:
        raise PermanentError("The path starts with one / and has no space, backslash or #.")
    added, _, query = path.partition("?")
    if {".", ".."} & set(unquote(added).replace("\\", "/").split("/")):
        raise PermanentError("The path may not climb with . or .. in it.")
    base, _, base_query = url.raw_path.decode("ascii").partition("?")
    queries = "&".join(part for part in (base_query, query) if part)
    raw_path = base.rstrip("/") + added + (f"?{queries}" if queries else "")
    return url.copy_with(raw_path=raw_path.encode("ascii"))


def _filled(template: str, call: Call) -> str:
    """The path with each ``{/pointer}`` replaced by that text or number of the input, and
    ``{key}`` by the call's key."""

    def replacement(place: re.Match[str]) -> str:
        if place[1] == KEY:
            return quote(call.idempotency_key, safe="")
        part = _required(call.input, place[1])
        if isinstance(part, bool) or not isinstance(part, str | int) or part == "":
            raise PermanentError(f"The input's {place[1]} is no text or whole number for the path.")
        return quote(str(part), safe="")

    return PLACE.sub(replacement, template)


def _holds(condition: Any, facts: dict[str, Any]) -> bool:
    """Whether what was found is the write. Raises PermanentError where that cannot be told."""
    if problems := conditions.validate(condition):
        raise PermanentError(f"The step's verify cannot be read: {problems[0].message}")
    truth = conditions.evaluate(condition, facts).truth
    if truth is None:
        raise PermanentError("The answer does not say whether it happened.")
    return truth


def _briefed(call: Call, body: Any) -> Any:
    """The body with the brief as one more member, where there is one and place for it."""
    if call.brief is None or not isinstance(body, dict) or "brief" in body:
        return body
    return body | {"brief": call.brief}


def _required(value: Any, pointer: str) -> Any:
    found = _found(value, pointer)
    if found is MISSING:
        raise PermanentError(f"The input has nothing at {pointer}.")
    return found


def _found(value: Any, pointer: str) -> Any:
    """What a pointer names, or MISSING. Raises PermanentError for a malformed one."""
    try:
        return pointers.lookup(value, pointer)
    except ValueError as error:
        raise PermanentError(str(error)) from error
