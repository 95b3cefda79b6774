"""Who forgot the password gets a link by mail, or is told whom to ask where none is sent."""

from __future__ import annotations

from allauth.account.views import password_reset
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orchestrator import mail


@login_not_required
def forgotten(request: HttpRequest) -> HttpResponse:
    """In the place of the page that says that mail was sent, whether or not it was."""
    if mail.goes_out():
        answer: HttpResponse = password_reset(request)
        return answer
    return render(request, "account/forgotten.html")
