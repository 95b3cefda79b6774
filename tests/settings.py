"""The project's settings for one pytest run: a state folder of its own, fast passwords.

The folder's name goes to pytest's workers through the environment; ``tests/conftest.py``
starts the servers in it.
"""

import os
import secrets
import tempfile
from pathlib import Path

# Only a name: whoever starts servers makes the folder.
OWN_FOLDER = Path(tempfile.gettempdir()) / f"rewire-test-{os.getpid()}-{secrets.token_hex(4)}"
os.environ.setdefault("REWIRE_HOME", str(OWN_FOLDER))
os.environ.setdefault("SECRET_KEY", "only-for-tests")

from orchestrator.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
