from typing import ClassVar

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy


class DemoConfig(AppConfig):
    """Example workflows with real agents. Installed where REWIRE_APPS names it."""

    name = "integrations.demo"
    label = "demo"
    verbose_name = "Demo"
    nav: ClassVar = ("demo:welcome", "play", gettext_lazy("Demo"))

    def ready(self) -> None:
        # Here strangers arrive, not colleagues: whoever is signed out is welcomed first.
        settings.LOGIN_URL = settings.ACCOUNT_LOGOUT_REDIRECT_URL = "demo:welcome"
