from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    label = "orchestrator"
    verbose_name = "Workflows"

    def ready(self) -> None:
        post_migrate.connect(create_cache_table, sender=self)


def create_cache_table(*, using: str, **_: Any) -> None:
    """The table of the sign-in limits comes with ``migrate``: nobody has to remember it."""
    call_command("createcachetable", database=using, verbosity=0)
