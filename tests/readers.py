"""The demo's trained readers, for the tests that let them read."""

from __future__ import annotations

from contextlib import suppress
from fcntl import LOCK_EX, flock

from django.conf import settings

from integrations.demo import digits, feedback, refunds
from integrations.demo.feedback.package import AbsentError


def train() -> None:
    """Train all once for the run: pytest's workers share the state folder and wait here."""
    with open(settings.HOME.path / "training", "w") as turn:
        flock(turn, LOCK_EX)
        refunds.STORE.ensure()
        digits.STORE.ensure()
        with suppress(AbsentError):
            feedback.STORE.ensure()
