"""The Celery application; ``orchestrator.jobs`` holds its functions."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

app = Celery("rewire")
app.config_from_object("django.conf:settings", namespace="CELERY")
