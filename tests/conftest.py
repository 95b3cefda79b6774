"""Real servers for the whole run, and a real browser."""

from __future__ import annotations

import os
import shutil

import pytest
from django.conf import settings
from django.db import connection

from orchestrator.processes.child import Child
from orchestrator.processes.servers import start_postgres, start_valkey

servers: list[Child] = []


def pytest_configure(config: pytest.Config) -> None:
    """One PostgreSQL and one Valkey for each pytest run, shared by its workers.

    The first process starts them before the workers exist and stops them after the last.
    A server dies with that process, so that even a killed run leaves none behind.
    """
    name = os.environ.setdefault("REWIRE_TEST_DATABASE", f"test_rewire_{os.getpid()}")
    connection.settings_dict["TEST"]["NAME"] = name
    if _is_worker(config):
        return
    settings.HOME.make()
    if settings.EMBEDDED_DATABASE:
        servers.append(start_postgres(settings.HOME, safe=False))
    if settings.EMBEDDED_BROKER:
        servers.append(start_valkey(settings.HOME, safe=False))


def pytest_unconfigure(config: pytest.Config) -> None:
    if _is_worker(config):
        return
    while servers:
        servers.pop().stop()
    if settings.HOME.path.name.startswith("rewire-test-"):
        shutil.rmtree(settings.HOME.path)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
