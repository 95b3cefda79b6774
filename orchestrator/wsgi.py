"""The web application, for any WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")
# Threads of a web process share a pool: one connection for each of the eight, two to spare.
os.environ.setdefault("DATABASE_POOL", "10")

application = get_wsgi_application()
