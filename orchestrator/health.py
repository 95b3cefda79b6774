"""Is this process alive (``/healthz``), and can it serve (``/readyz``)?"""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from redis import Redis, RedisError

BROKER_TIMEOUT = 0.5  # seconds


@require_safe
@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """503 only without the database: people can claim and decide while the broker is down."""
    database, broker = _database(), _broker()
    return JsonResponse(
        {"ready": database == "ok", "database": database, "broker": broker},
        status=200 if database == "ok" else 503,
    )


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return "down"
    return "ok"


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
