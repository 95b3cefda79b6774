"""Programs that speak to the API with real keys."""

from __future__ import annotations

from typing import Any

from django.http.response import HttpResponseBase
from django.test import Client
from django.utils import timezone
from psycopg.types.range import TimestamptzRange

from orchestrator.api.keys import make_key
from orchestrator.models import Actor, Grant
from tests.world import actor

ALL = ("cases", "review", "feedback", "work")


class Program:
    """A client that sends JSON with a key of one actor."""

    def __init__(self, who: str | Actor, *scopes: str) -> None:
        found = actor(who) if isinstance(who, str) else who
        self.key, self.text = make_key(actor=found, name="a test", scopes=scopes or ALL)
        self.client = Client()

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{path}", query, headers=self._headers())

    def post(self, path: str, body: Any = None, *, once: str | None = None) -> Any:
        """POST ``body`` as JSON, or as it is where it is bytes."""
        return self.client.post(
            f"/api/v1/{path}",
            {} if body is None else body,
            content_type="application/json",
            headers=self._headers(once),
        )

    def _headers(self, once: str | None = None) -> dict[str, str]:
        more = {} if once is None else {"Idempotency-Key": once}
        return {"Authorization": f"Bearer {self.text}"} | more


def importer(name: str = "importer") -> Actor:
    """A program that may start cases, with outputs, everywhere."""
    found, made = Actor.objects.get_or_create(name=name, defaults={"kind": "automation"})
    for action in ("view", "start") if made else ():
        valid = TimestamptzRange(timezone.now(), None)
        Grant.objects.create(actor=found, action=action, valid=valid)
    return found


def refusal(response: HttpResponseBase, status: int, name: str) -> dict[str, Any]:
    """The problem that a response tells, which must be this one."""
    assert response.status_code == status, getattr(response, "content", b"")
    assert response["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = response.json()  # type: ignore[attr-defined]
    assert (told["type"], told["status"]) == (f"/problems/{name}", status)
    assert told["title"]
    assert told["detail"]
    return told
