"""Mail where no server for it is named: nothing goes out, and nothing of it into the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)


def goes_out() -> bool:
    """Whether mail is sent at all."""
    return settings.EMAIL_BACKEND != "orchestrator.mail.Unsent"


class Unsent(BaseEmailBackend):
    """Says that mail was not sent, and never to whom: it may hold a way into an account."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        logger.warning("%d mail not sent: EMAIL_URL names no server", len(email_messages))
        return 0
