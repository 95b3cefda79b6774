"""What a lead does with a seat that somebody else holds."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orchestrator import engine
from orchestrator.views.requests import actor_of, came_from


@require_POST
def release_seat(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Give the seat back to its group, whoever has claimed it."""
    seat = engine.unclaim(seat_id, actor=actor_of(request))
    messages.success(
        request,
        _("%(key)s waits for %(group)s again.") % {"key": seat.task.case.key, "group": seat.group},
    )
    return redirect(came_from(request) or "home")
