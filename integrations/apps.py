from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        from integrations.checks import check_allowed_hosts, check_connectors

        register(check_connectors)
        register(check_allowed_hosts)
