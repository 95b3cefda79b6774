"""The language of a page: the person's cookie, else what the browser asks for, else English."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

from orchestrator.telling import tongue
from orchestrator.tongue import speak

PROGRAMS: Final = "/api/"
FOR_PEOPLE: Final = "/api/docs"


class LanguageMiddleware(LocaleMiddleware):
    """Programs are answered in English always: an answer never depends on a header."""

    def process_request(self, request: HttpRequest) -> None:
        if not is_for_programs(request):
            super().process_request(request)
        else:
            translation.activate(settings.LANGUAGE_CODE)
            request.LANGUAGE_CODE = translation.get_language()
        speak(tongue())

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Pages vary by Accept-Language; what programs read does not."""
        if is_for_programs(request):
            return response
        return super().process_response(request, response)


def is_for_programs(request: HttpRequest) -> bool:
    path = request.path_info
    return path.startswith(PROGRAMS) and not path.startswith(FOR_PEOPLE)
