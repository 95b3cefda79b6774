"""All settings, from the environment. ``.env.example`` explains each variable.

``NAME_FILE`` names a file that holds the value of ``NAME``, for secrets.
"""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environ import FileAwareEnv
from environ.fileaware_mapping import FileAwareMapping

from orchestrator import logs
from orchestrator.processes.state import Home, StateError

BASE_DIR = Path(__file__).resolve().parent.parent


class Environment(FileAwareMapping):
    """``NAME`` from the file that ``NAME_FILE`` names, without the newline at its end."""

    def __getitem__(self, name: str) -> str:
        try:
            return str(super().__getitem__(name)).rstrip("\r\n")
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


class Telling(FileAwareEnv):
    """Names the variable that is not of its kind."""

    def int(self, var: str, default: Any = FileAwareEnv.NOTSET) -> int:
        try:
            number = int(super().int(var, default))
        except ValueError as error:
            raise ImproperlyConfigured(f"{var} is no whole number.") from error
        if number < 0:
            raise ImproperlyConfigured(f"{var} is below 0.")
        return number

    def classes(self, var: str) -> dict[str, str]:
        """Dotted paths by kind, from ``kind=package.Class`` with commas."""
        pairs = [entry.partition("=") for entry in self.list(var, default=[])]
        if not all(kind and path for kind, _, path in pairs):
            raise ImproperlyConfigured(f"{var}: write kind=package.Class, with commas.")
        return {kind.strip(): path.strip() for kind, _, path in pairs}


env = Telling()
env.ENVIRON = Environment()

# --- Place and address

HOME = Home.at(env.str("REWIRE_HOME", default=str(BASE_DIR / ".rewire")))
DEBUG = env.bool("DEBUG", default=False)
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=8000)
WEB_PROCESSES = env.int("WEB_PROCESSES", default=2)
# Requests at once in each of them; a quarter of them at most waits for work to come.
WEB_THREADS = env.int("WEB_THREADS", default=8)
REWIRE_URL = env.str("REWIRE_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
HTTPS = REWIRE_URL.startswith("https://")

# The loopback names let health checks on the machine itself through.
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=[urlsplit(REWIRE_URL).hostname or ""]),
    "localhost",
    "127.0.0.1",
    "[::1]",
]
CSRF_TRUSTED_ORIGINS = [REWIRE_URL]

# --- Database and broker: embedded, unless the environment names others

DATABASE_URL = env.str("DATABASE_URL", default="")
EMBEDDED_DATABASE = not DATABASE_URL
REDIS_URL = env.str("REDIS_URL", default="") or HOME.redis_url
EMBEDDED_BROKER = HOME.redis_url == REDIS_URL

# Milliseconds, enforced by the server. A stuck statement ends before a worker's time limit.
DATABASE_TIMEOUTS = {
    "statement_timeout": env.int("DATABASE_STATEMENT_TIMEOUT", default=30_000),
    "lock_timeout": env.int("DATABASE_LOCK_TIMEOUT", default=5_000),
    "idle_in_transaction_session_timeout": env.int("DATABASE_IDLE_TIMEOUT", default=60_000),
}
# Seconds between questions whether the server is there, and milliseconds without an answer.
KEEPALIVES = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# Connections of each web process, 0 for one persistent connection per thread.
DATABASE_POOL = env.int("DATABASE_POOL", default=0)


def _database() -> dict[str, Any]:
    if EMBEDDED_DATABASE:
        config: dict[str, Any] = {
            "NAME": "rewire",
            "USER": "rewire",
            "HOST": str(HOME.run),
        }
    else:
        config = env.db_url_config(DATABASE_URL)
    options = config.setdefault("OPTIONS", {})
    timeouts = " ".join(f"-c {name}={value}" for name, value in DATABASE_TIMEOUTS.items())
    options["options"] = f"{options.get('options', '')} {timeouts}".strip()
    options.setdefault("connect_timeout", 5)
    # A server that vanished says no goodbye: without these its connections wait for hours.
    for name, value in KEEPALIVES.items():
        options.setdefault(name, value)
    # Each connection plans a statement once, not every time: a third of the database's work.
    options.setdefault("server_side_binding", True)
    options.setdefault("prepare_threshold", 3)
    if DATABASE_POOL:
        options["pool"] = {"min_size": 1, "max_size": DATABASE_POOL, "timeout": 3}
    # Checks find a dead connection after a restart of the database; both modes use them.
    return config | {
        "ENGINE": "orchestrator.database",
        "CONN_MAX_AGE": 0 if DATABASE_POOL else 600,
        "CONN_HEALTH_CHECKS": True,
    }


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Only sign-in limits use the cache. It is a table: they count over all processes and
# hold while the broker is down.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "orchestrator_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

# --- Secrets


def _secret_key() -> str:
    key: str = env.str("SECRET_KEY", default="")
    if key:
        return key
    if not EMBEDDED_DATABASE:
        raise ImproperlyConfigured("Set SECRET_KEY (or SECRET_KEY_FILE) to a long random text.")
    try:
        return HOME.secret()
    except StateError as error:
        raise ImproperlyConfigured(str(error)) from error


SECRET_KEY = _secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])

# --- Applications

# More Django applications; each has its pages below its label (``integrations.demo``: /demo/).
REWIRE_APPS = env.list("REWIRE_APPS", default=[])
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "pgtrigger",
    "django_htmx",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "orchestrator",
    "review",
    "integrations",
    *REWIRE_APPS,
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "orchestrator.views.logged.LogMiddleware",
    "orchestrator.views.language.LanguageMiddleware",
    "orchestrator.views.zones.ZoneMiddleware",
    "django.middleware.common.CommonMiddleware",
    # What follows is for pages alone.
    "orchestrator.views.programs.ApiMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Every page asks for a sign-in unless its view says @login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "orchestrator.views.refusals.RefusalMiddleware",
    "review.views.filters.DefaultFilterMiddleware",
]

ROOT_URLCONF = "orchestrator.urls"
WSGI_APPLICATION = "orchestrator.wsgi.application"

# template_partials puts the cached loaders behind its own.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["template_partials.templatetags.partials"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ],
        },
    }
]

# --- Static files

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = env.path("STATIC_ROOT", default=str(HOME.path / "static"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# --- Language and time

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "orchestrator" / "locale"]
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 60 * 60 * 24 * 365
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- Sign-in

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "orchestrator.accounts.Adapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Whoever asks for a new password has no mail sent to the address of a stranger.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
# Proxies in front of the web process whose X-Forwarded-For tells the address of the caller.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXIES", default=0)

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = 60 * 60 * 24 * 7
EMAIL_BACKEND = "orchestrator.mail.Unsent"
if env.str("EMAIL_URL", default=""):
    vars().update(env.email_url("EMAIL_URL"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="rewire@localhost")

# --- Headers

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if ALLAUTH_TRUSTED_PROXY_COUNT:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        # data: for the QR code of the second factor and for images inside a case.
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000  # an output with several long lists, hidden fields and all

# Bytes of one file that cases may refer to.
ATTACHMENT_MAX_BYTES = env.int("ATTACHMENT_MAX_BYTES", default=10 << 20)
# Bytes of files that one actor may bring in a day (UTC); 0 is without bound.
ATTACHMENT_BYTES_A_DAY = env.int("ATTACHMENT_BYTES_A_DAY", default=10 << 30)

# --- Celery: a message is only a doorbell, PostgreSQL knows the work

# Celery spells the address of a socket in its own way.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://").replace(
    "?db=", "?virtual_host="
)
CELERY_IMPORTS = ["orchestrator.jobs"]
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 120
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# One of all functions is always left to what does not wait for the busiest connection.
CELERY_WORKER_CONCURRENCY = env.int("WORKER_CONCURRENCY", default=3)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A broker that goes away does not disturb work: a message that comes twice is harmless.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": 0.8,
    "socket_timeout": 0.8,
}
# One try within a second: a lost message costs the second until the next sweep.
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 0, "interval_start": 0, "interval_max": 0}
# Machine work may fill every worker for minutes: what is due is swept by a process of its own.
CELERY_TASK_ROUTES = {
    "orchestrator.jobs.sweep": {"queue": "timers"},
    "orchestrator.jobs.count": {"queue": "timers"},
    "orchestrator.jobs.weigh": {"queue": "timers"},
    "orchestrator.jobs.maintain": {"queue": "timers"},
}
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "orchestrator.jobs.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "count": {"task": "orchestrator.jobs.count", "schedule": 2.0, "options": {"expires": 5}},
    "weigh": {"task": "orchestrator.jobs.weigh", "schedule": 5.0, "options": {"expires": 5}},
    "report": {"task": "orchestrator.jobs.report", "schedule": 10.0, "options": {"expires": 10}},
    "measure": {"task": "orchestrator.jobs.measure", "schedule": 60.0, "options": {"expires": 60}},
    "maintain": {"task": "orchestrator.jobs.maintain", "schedule": 3600.0},
}

# --- Rewire

REWIRE_CONNECTORS = {
    "python": "integrations.connectors.python.Python",
    "http": "integrations.connectors.http.Http",
    "openai_compatible": "integrations.connectors.openai_compatible.OpenAICompatible",
    "anthropic": "integrations.connectors.anthropic.Anthropic",
    "fake": "integrations.connectors.fake.Fake",
    **env.classes("REWIRE_CONNECTORS"),
}
# Dotted prefixes of the callables that a `python` connection may name.
REWIRE_PYTHON_CALLABLES = env.list("REWIRE_PYTHON_CALLABLES", default=[])
# Hosts and networks that connections may reach although their address is private.
REWIRE_HTTP_ALLOWED_HOSTS = env.list("REWIRE_HTTP_ALLOWED_HOSTS", default=[])

# While so many machine tasks are due and wait, no more cases are taken in; 0 is no limit.
MOST_WAITING = env.int("MOST_WAITING", default=250_000)

# --- Who may read /metrics: these addresses, and whoever sends this token

METRICS_NETWORKS = env.list("METRICS_NETWORKS", default=["127.0.0.0/8", "::1/128"])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Logs: to stderr, one line each


def _logging() -> dict[str, Any]:
    try:
        return logs.config(
            form=env.str("LOG_FORMAT", default="line"), level=env.str("LOG_LEVEL", default="INFO")
        )
    except ValueError as error:
        raise ImproperlyConfigured(str(error)) from error


LOGGING = _logging()
logging.captureWarnings(capture=True)
