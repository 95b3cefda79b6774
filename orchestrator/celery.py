"""The Celery application; ``orchestrator.jobs`` holds its functions."""

import logging
import os
from logging.config import dictConfig
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from kombu.transport import virtual
from kombu.transport.redis import Channel, QoS

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

logger = logging.getLogger(__name__)


class Patient(Task):  # type: ignore[type-arg]
    """A function whose work waits in the database, and for it: the next message tries again."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except (OperationalError, InterfaceError):
            if connection.connection is not None and connection.is_usable():
                raise
            logger.warning("The database does not answer: %s waits for it.", self.name)


class Doorbell(QoS):
    """A message is only a doorbell: one whose connection is gone is let go.

    Kombu would give back and acknowledge over the connection that it has just lost, and that
    error ends the whole worker.
    """

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        # None when the channel is closed, without a client when its connection broke.
        if getattr(self.channel.connection, "client", None) is None:
            virtual.QoS.ack(self, delivery_tag)
        else:
            super().ack(delivery_tag)


Channel.QoS = Doorbell


app = Celery("rewire", task_cls=Patient)
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def log_as_django_does(**_: Any) -> None:
    """Celery would set up handlers of its own; its workers' lines look like all others."""
    dictConfig(settings.LOGGING)
