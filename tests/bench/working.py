"""A worker without Celery: performs what is ready as fast as it can, when told to."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
django.setup()

from orchestrator import engine  # noqa: E402

if __name__ == "__main__":
    engine.is_work_ready()
    print("ready", flush=True)
    sys.stdin.readline()
    done = 0
    while some := engine.work_until_idle():
        done += some
    print(done, flush=True)
