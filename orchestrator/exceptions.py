"""Every refusal the core can give, one class each.

``sentence`` is the default message. ``type`` is the stable name that the
REST API sends in its problem details; ``status`` the HTTP status that fits.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop


class Refusal(Exception):
    sentence = gettext_noop("Rewire cannot do this.")
    type: ClassVar[str] = "refused"
    status: ClassVar[int] = 409

    def __init__(self, message: str = "", **details: Any) -> None:
        super().__init__(message or _(self.sentence))
        self.details = details

    @property
    def message(self) -> str:
        return str(self.args[0])


class NotAllowed(Refusal):
    sentence = gettext_noop("You do not hold the right to do this.")
    type = "not-allowed"
    status = 403

    def __init__(self, message: str = "", *, reasons: list[str] | None = None) -> None:
        super().__init__(message or " ".join(reasons or []), reasons=reasons or [])


class Unauthorized(Refusal):
    sentence = gettext_noop("Send a valid key: Authorization: Bearer rw_<prefix>_<secret>.")
    type = "unauthorized"
    status = 401


class NotFound(Refusal):
    sentence = gettext_noop("There is nothing here that you may see.")
    type = "not-found"
    status = 404


class Invalid(Refusal):
    sentence = gettext_noop("The data is not valid; each problem names its place.")
    type = "invalid"
    status = 422

    def __init__(self, message: str = "", *, problems: list[dict[str, str]] | None = None) -> None:
        super().__init__(message, problems=problems or [])


class MalformedJSON(Refusal):
    sentence = gettext_noop("The body is not JSON that Rewire accepts.")
    type = "malformed-json"
    status = 400


class TooLarge(Refusal):
    sentence = gettext_noop("The body is too large.")
    type = "too-large"
    status = 413


class CaseConflict(Refusal):
    sentence = gettext_noop("A case with this key exists already, with other data.")
    type = "case-conflict"


class SignalConflict(Refusal):
    sentence = gettext_noop("A signal with this id was taken already, with other content.")
    type = "signal-conflict"


class MigrationRefused(Refusal):
    sentence = gettext_noop("This case cannot be taken over to the other version now.")
    type = "migration-refused"


class CaseClosed(Refusal):
    sentence = gettext_noop("The case is closed; nothing more can happen in it.")
    type = "case-closed"


class StaleFence(Refusal):
    sentence = gettext_noop(
        "Another worker holds this task now; this result was recorded and changes nothing."
    )
    type = "stale-fence"


class StaleClaim(Refusal):
    sentence = gettext_noop("Your claim has ended or somebody else holds it; claim the task again.")
    type = "stale-claim"


class Pended(Refusal):
    sentence = gettext_noop("Somebody waits with this for somebody else; resume it first.")
    type = "pended"


class StaleDigest(Refusal):
    sentence = gettext_noop(
        "What you saw has changed since; look at the difference and decide again."
    )
    type = "stale-digest"


class AlreadyDecided(Refusal):
    sentence = gettext_noop("This has been decided already.")
    type = "already-decided"


class UndoClosed(Refusal):
    sentence = gettext_noop("The time to undo this decision is over, or somebody has built on it.")
    type = "undo-closed"


class Unpublishable(Refusal):
    sentence = gettext_noop("The draft cannot be published yet; each problem names its place.")
    type = "unpublishable"
    status = 422

    def __init__(self, message: str = "", *, problems: list[dict[str, str]] | None = None) -> None:
        super().__init__(message, problems=problems or [])


class KeyMissing(Refusal):
    sentence = gettext_noop("This write needs an Idempotency-Key header of 1 to 255 characters.")
    type = "idempotency-key-missing"
    status = 400


class KeyReused(Refusal):
    sentence = gettext_noop("This Idempotency-Key was used with another body.")
    type = "idempotency-key-reused"
    status = 422


class KeyInProgress(Refusal):
    sentence = gettext_noop(
        "A request with this Idempotency-Key is still running; try again in a moment."
    )
    type = "idempotency-key-in-progress"


class Overloaded(Refusal):
    sentence = gettext_noop("Too much machine work waits already; send this again in a while.")
    type = "overloaded"
    status = 429


class QuotaUsed(Refusal):
    sentence = gettext_noop("You have brought as many bytes as may come in a day.")
    type = "quota-used"
    status = 429
