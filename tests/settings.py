"""The project's settings for one pytest run: a state folder of its own, fast passwords.

The folder's name goes to pytest's workers through the environment; ``tests/conftest.py``
starts the servers in it.
"""

import os
import tempfile

if "REWIRE_HOME" not in os.environ:
    os.environ["REWIRE_HOME"] = tempfile.mkdtemp(prefix="rewire-test-")
os.environ.setdefault("SECRET_KEY", "only-for-tests")

from orchestrator.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
