"""The demo's trained readers, for the tests that let them read."""

from __future__ import annotations

from fcntl import LOCK_EX, flock

from django.conf import settings

from integrations.demo import digits, refunds


def train() -> None:
    """Train both once for the run: pytest's workers share the state folder and wait here."""
    with open(settings.HOME.path / "training", "w") as turn:
        flock(turn, LOCK_EX)
        refunds.STORE.ensure()
        digits.STORE.ensure()
