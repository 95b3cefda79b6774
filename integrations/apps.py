from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from integrations.checks import check_allowed_hosts, check_connectors
from integrations.sayings import SENTENCES
from orchestrator import sayings


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        sayings.learn(*SENTENCES)
        register(check_connectors)
        register(check_allowed_hosts)
