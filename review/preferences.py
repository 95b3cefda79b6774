"""How a person likes the pages: theme, density and single keys, kept in this browser."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

CHOICES: Final = {"theme": {"light", "dark"}, "rows": {"compact"}, "keys": {"off"}}
YEAR: Final = 365 * 24 * 60 * 60


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Keep each choice that was sent; an empty one goes back to the default."""
    response = redirect(_next(request))
    for name in CHOICES.keys() & request.POST.keys():
        value = request.POST[name]
        if value in CHOICES[name]:
            secure = request.is_secure()
            response.set_cookie(
                name, value, max_age=YEAR, secure=secure, httponly=True, samesite="Lax"
            )
        else:
            response.delete_cookie(name)
    return response


def _next(request: HttpRequest) -> str:
    target = request.POST.get("next", "")
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(target, hosts, require_https=request.is_secure())
    return target if is_ours else "/"
