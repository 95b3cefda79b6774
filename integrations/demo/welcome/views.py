"""The page that welcomes strangers, and what its buttons do. Only the demo has it."""

from __future__ import annotations

from typing import Any, Final, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations.demo import feeding
from integrations.demo.people import PEOPLE
from integrations.demo.welcome import killing, picks
from integrations.demo.welcome.errands import cards
from orchestrator import authority
from orchestrator.exceptions import NotAllowed
from orchestrator.models import Actor, Workflow
from orchestrator.sentences import steps_of
from orchestrator.under_way import under_way
from orchestrator.views.map import map_of

NAMES: Final = {person.name: person.first_name for person in PEOPLE}
LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}
BACKEND: Final = "django.contrib.auth.backends.ModelBackend"


@require_safe
@never_cache
@login_not_required
def welcome(request: HttpRequest) -> HttpResponse:
    viewer = request.user.get_username() if request.user.is_authenticated else ""
    context = {"cards": cards(viewer), "viewer": viewer, "opens": opens_by_a_click()}
    return render(request, "demo/welcome.html", context | drawn())


@require_safe
@never_cache
@login_not_required
def live_map(request: HttpRequest) -> HttpResponse:
    """The map alone, for the page that asks for it again and again."""
    return render(request, "orchestrator/map.html", drawn())


def drawn() -> dict[str, Any]:
    """The map of the refunds as they stand now."""
    refunds = Workflow.objects.filter(slug="refunds").select_related("published_version").first()
    version = refunds.published_version if refunds else None
    if refunds is None or version is None:
        return {"map": None}
    return {"map": map_of(steps_of(version), under_way(refunds))}


def opens_by_a_click() -> bool:
    """Whether people are let in without a password: only where nobody else can come."""
    return {settings.HOST, urlsplit(settings.REWIRE_URL).hostname} <= LOOPBACK


@require_POST
@login_not_required
def enter(request: HttpRequest, name: str) -> HttpResponse:
    """Log in as one of the demo's people."""
    if name not in NAMES or not opens_by_a_click():
        raise Http404(_("Nobody is let in here."))
    login(request, get_object_or_404(User, username=name, is_active=True), BACKEND)
    return redirect(f"{reverse('demo:welcome')}#{name}")


@require_POST
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Check the record of a case that the person may see."""
    user = cast("User", request.user)
    case = authority.access_case(Actor.objects.for_user(user), pk)
    found = picks.verify(case, user)
    holds = found.startswith(picks.VERIFIED)
    return told(request, messages.SUCCESS if holds else messages.ERROR, f"{case.key}: {_(found)}")


@require_POST
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a task that one has decided already: the rules refuse it, and say why."""
    user = cast("User", request.user)
    task = authority.access_task(Actor.objects.for_user(user), pk)
    refused = picks.refusal(task, user)
    if not refused:
        return redirect("review:task", pk)
    return told(request, messages.WARNING, f"{task.case.key}: {refused}")


@require_POST
def kill(request: HttpRequest) -> HttpResponse:
    """Kill the worker's processes in the middle of a step. Administrators only."""
    user = administrator(request)
    try:
        pids, held = killing.kill_in_mid_step()
    except killing.NoVictimError as error:
        return told(request, messages.WARNING, str(error))
    named = " and ".join(map(str, pids))
    for task in held:
        picks.note(task.case, user, f"{picks.KILLED}: the processes {named} of the worker.")
    keys = " and ".join(task.case.key for task in held)
    said = _("The processes %(named)s were killed while they read %(keys)s. Others have started.")
    said %= {"named": named, "keys": keys}
    return told(request, messages.WARNING, said)


@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Stop the arrivals, or let them go on. Administrators only."""
    administrator(request)
    feeding.set_paused(paused=not feeding.is_paused())
    said = _("No more refunds arrive.") if feeding.is_paused() else _("Refunds arrive again.")
    return told(request, messages.INFO, said)


def administrator(request: HttpRequest) -> User:
    """Who asks. Raises NotAllowed unless a superuser does."""
    user = cast("User", request.user)
    if not user.is_superuser:
        raise NotAllowed(_("Only an administrator may do this."))
    return user


def told(request: HttpRequest, level: int, text: str) -> HttpResponse:
    """Back to one's card, with what happened."""
    messages.add_message(request, level, text)
    return redirect(f"{reverse('demo:welcome')}#{request.user.get_username()}")
