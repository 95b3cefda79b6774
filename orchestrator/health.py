"""Is this process alive (``/healthz``), can it serve (``/readyz``), how is the work (``/metrics``)?

None of them tells anything of a case.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import ip_address, ip_network

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

from orchestrator import lifesigns
from orchestrator.metrics import CONTENT_TYPE, exposition

BROKER_TIMEOUT = 0.5  # seconds
DATABASE_TIMEOUT = 2.0
READ_ONLY = "default_transaction_read_only"
NEEDED = ("database", "migrations")

_asking = ThreadPoolExecutor(max_workers=1, thread_name_prefix="readyz")


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """What is missing. 503 only without a database of this version that can be written: people
    can claim and decide while broker and workers are down."""
    database = _database()
    unknown = "unknown without the database"
    found = {
        "database": database,
        "migrations": _migrations() if database == "ok" else unknown,
        "broker": _broker(),
        "processing": _processing() if database == "ok" else unknown,
    }
    missing = [name for name, state in found.items() if state != "ok"]
    ready = not set(missing) & set(NEEDED)
    body = {"ready": ready, **found, "missing": missing}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    """Asked in a thread of its own: a server that hangs lets whoever asks it wait, and no check
    may wait for the one before."""
    asked = _asking.submit(_writable)
    try:
        return asked.result(DATABASE_TIMEOUT)
    except TimeoutError:
        asked.cancel()
        return f"down: no answer within {DATABASE_TIMEOUT:g} s"


def _writable() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_is_in_recovery() OR current_setting(%s)::bool", [READ_ONLY])
            is_read_only = cursor.fetchone()[0]
    except DatabaseError:
        return "down"
    finally:
        connection.close()
    return "read-only: nobody can decide" if is_read_only else "ok"


def _migrations() -> str:
    """A process of the next version waits for its migrations, one of the last goes on."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT app, name FROM django_migrations")
            done = set(cursor.fetchall())
    except DatabaseError:
        done = set()
    behind = _known() - done
    return f"missing: {len(behind)}; run manage.py migrate" if behind else "ok"


@cache
def _known() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)


def _broker() -> str:
    client = Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_TIMEOUT,
        socket_connect_timeout=BROKER_TIMEOUT,
    )
    try:
        with client:
            client.ping()
    except RedisError:
        return "down: people can work, machine steps wait for it"
    return "ok"


def _processing() -> str:
    try:
        silent = lifesigns.signs().silent()
    except DatabaseError:
        return "unknown"
    return f"no {silent} report" if silent else "ok"


@require_safe
@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    if not (_bears_token(request) or _is_near(request)):
        refusal = HttpResponse(
            "Send METRICS_TOKEN as a bearer token, or call from one of METRICS_NETWORKS.\n",
            status=401,
            content_type="text/plain",
        )
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    return HttpResponse(exposition(), content_type=CONTENT_TYPE)


def _bears_token(request: HttpRequest) -> bool:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    wanted = settings.METRICS_TOKEN
    return bool(wanted) and kind.lower() == "bearer" and constant_time_compare(token, wanted)


def _is_near(request: HttpRequest) -> bool:
    try:
        address = ip_address(_caller(request))
    except ValueError:
        return False
    return any(address in ip_network(network) for network in settings.METRICS_NETWORKS)


def _caller(request: HttpRequest) -> str:
    """The caller's address; "" where a proxy that nobody trusts may stand between."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    if not forwarded:
        return str(request.META.get("REMOTE_ADDR", ""))
    hops, trusted = forwarded.split(","), settings.ALLAUTH_TRUSTED_PROXY_COUNT
    return hops[-trusted].strip() if 0 < trusted <= len(hops) else ""
