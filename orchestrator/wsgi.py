"""The web application, for any WSGI server."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
# Threads of a web process share a pool: one connection for each of the eight, two to spare.
os.environ.setdefault("DATABASE_POOL", "10")

application = get_wsgi_application()

# What is loaded now lives as long as the process: no collection need look at it again.
get_resolver().url_patterns  # noqa: B018
gc.collect()
gc.freeze()
