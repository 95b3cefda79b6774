"""The Celery application; ``orchestrator.jobs`` holds its functions."""

import os
from logging.config import dictConfig
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

app = Celery("rewire")
app.config_from_object("django.conf:settings", namespace="CELERY")


@setup_logging.connect
def log_as_django_does(**_: Any) -> None:
    """Celery would set up handlers of its own; its workers' lines look like all others."""
    dictConfig(settings.LOGGING)
