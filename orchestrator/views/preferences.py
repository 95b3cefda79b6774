"""How a person likes the pages, kept in this browser: colours, rows, keys, time zone, language."""

from __future__ import annotations

from typing import Final
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from orchestrator.views.requests import ours
from orchestrator.views.zones import COOKIE as ZONE

ZONES: Final = sorted(name for name in available_timezones() if "/" in name or name == "UTC")
CHOICES: Final = {
    "theme": frozenset({"light", "dark"}),
    "rows": frozenset({"compact"}),
    "keys": frozenset({"off"}),
    ZONE: frozenset(ZONES),
    settings.LANGUAGE_COOKIE_NAME: frozenset(code for code, _name in settings.LANGUAGES),
}
"""Cookie -> what it may say beside the default, which is no cookie at all."""
YEAR: Final = 365 * 24 * 60 * 60


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show what is chosen. A POST keeps each choice that was sent, an empty one as the default."""
    if request.method == "POST":
        return _keep(request)
    context = {
        "zones": ZONES,
        "server_zone": settings.TIME_ZONE,
        "languages": settings.LANGUAGES,
        "language_cookie": settings.LANGUAGE_COOKIE_NAME,
        "language": request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""),
    }
    return render(request, "orchestrator/preferences.html", context)


def _keep(request: HttpRequest) -> HttpResponse:
    response = redirect(ours(request, request.POST.get("next", "")) or "/")
    for name in CHOICES.keys() & request.POST.keys():
        value = request.POST[name]
        if value in CHOICES[name]:
            secure = request.is_secure()
            response.set_cookie(
                name, value, max_age=YEAR, secure=secure, httponly=True, samesite="Lax"
            )
        else:
            response.delete_cookie(name)
    if "page" in request.POST:
        messages.success(request, _("Kept in this browser."))
    return response
