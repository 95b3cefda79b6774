"""A double: answers by its settings and reaches nothing, to try a workflow without the outside."""

from __future__ import annotations

import time

from integrations.base import BaseConnector
from integrations.connectors.fake.settings import SETTINGS_SCHEMA
from orchestrator.connectors import (
    Call,
    CallError,
    PermanentError,
    Report,
    Result,
    TransientError,
)


class Fake(BaseConnector):
    settings_schema = SETTINGS_SCHEMA
    incidental = frozenset({"delay", "fail_first", "error", "retry_after"})

    def perform(self, call: Call) -> Result:
        self._wait(call.timeout)
        # The try's own number decides, so the same script always plays the same way.
        if call.attempt <= self.settings.get("fail_first", 0):
            raise self._failure()
        return Result(
            output=self.settings.get("output", call.input),
            confidence=self.settings.get("confidence"),
            field_confidence=self.settings.get("field_confidence", {}),
            model=self.settings.get("model", ""),
        )

    def probe(self) -> Report:
        findings = ["This double answers by its settings and reaches nothing outside."]
        if failing := self.settings.get("fail_first", 0):
            findings.append(f"The first tries of each task fail: {failing}. {self._failure()}")
        return Report(ok=True, findings=tuple(findings))

    def _wait(self, timeout: float) -> None:
        delay = self.settings.get("delay", 0)
        time.sleep(min(delay, timeout))
        if delay > timeout:
            raise TransientError(
                f"The double gave no full answer within {timeout:g} s.", may_have_happened=True
            )

    def _failure(self) -> CallError:
        match self.settings.get("error", "refused"):
            case "throttled":
                wait = self.settings.get("retry_after")
                return TransientError("The double asked to wait.", retry_after=wait)
            case "broken":
                return TransientError("The double broke off.", may_have_happened=True)
            case "rejected":
                return PermanentError("The double said no.")
            case "unreadable":
                return PermanentError(
                    "The double gave an answer that cannot be read.", may_have_happened=True
                )
            case _:
                return TransientError("The double refused the connection.")
