from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from integrations.checks import check_allowed_hosts, check_connectors


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        register(check_connectors)
        register(check_allowed_hosts)
