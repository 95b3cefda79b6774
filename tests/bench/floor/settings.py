"""Settings of the floor: the same server, database and pool as Rewire, and nothing more."""

import os

from orchestrator.processes.state import Home

SECRET_KEY = "floor"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = ["tests.bench.floor"]
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
ROOT_URLCONF = "tests.bench.floor.urls"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "floor",
        "USER": "rewire",
        "HOST": str(Home.at(os.environ["REWIRE_HOME"]).run),
        "OPTIONS": {"pool": {"min_size": 1, "max_size": 10, "timeout": 3}},
    }
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
