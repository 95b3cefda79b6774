"""``python -m tests.bench [--only reviews,intake] [--cases 100000]``: a table, and bench.json."""

from __future__ import annotations

import os
import shutil
import tempfile

folder = tempfile.mkdtemp(prefix="rewire-bench-")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
    "REWIRE_HOME": folder,
    "LOG_LEVEL": "WARNING",
}
for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DEBUG", "DATABASE_POOL"):
    os.environ.pop(name, None)

import django  # noqa: E402
from django.conf import settings  # noqa: E402

django.setup()

from tests.bench import measures  # noqa: E402
from tests.bench.place import free_port  # noqa: E402

if __name__ == "__main__":
    os.environ["PORT"] = str(free_port())
    settings.PORT = int(os.environ["PORT"])
    try:
        measures.main()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
