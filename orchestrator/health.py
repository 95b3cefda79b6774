"""Is this process alive (``/healthz``), can it serve (``/readyz``), how is the work (``/metrics``)?

None of them tells anything of a case.
"""

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
NEEDED = ("database", "migrations")


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """What is missing. 503 only without a database of this version: people can claim and
    decide while broker and workers are down."""
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
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "down"
    return "ok"


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
