from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate
from django.utils import timezone


class OrchestratorConfig(AppConfig):
    name = "orchestrator"
    label = "orchestrator"
    verbose_name = "Workflows"

    def ready(self) -> None:
        # Its receivers ring the workers; a process that knows no jobs would leave it to the sweep.
        import_module("orchestrator.jobs")
        pre_migrate.connect(allow_long_statements, sender=self)
        post_migrate.connect(finish_migration, sender=self)


def finish_migration(*, app_config: AppConfig, using: str, **_: Any) -> None:
    """Tables, roles and partitions that come with ``migrate``: nobody has to remember them."""
    # Models can be imported only once every app is loaded.
    from orchestrator.models.partitions import ensure_partitions  # noqa: PLC0415
    from orchestrator.roles import ensure_roles  # noqa: PLC0415

    call_command("createcachetable", database=using, verbosity=0)
    with connections[using].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
    ensure_roles(app_config)
    ensure_partitions(timezone.now().date())


def allow_long_statements(*, using: str, **_: Any) -> None:
    """A migration may run for minutes; waiting for a lock keeps its limit."""
    with connections[using].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
