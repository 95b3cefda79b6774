"""The demo's own processes of the group: the ledger, on a port that nobody else has, and what
feeds the refunds while the demo runs."""

from __future__ import annotations

import socket
import sys

from django.conf import settings

from integrations.demo import ledger
from orchestrator.models import Connection
from orchestrator.processes.child import Process


def free_port() -> int:
    """A port that the system gives to nobody else so soon: a usual one could be taken until the
    ledger starts, by another demo."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def connect_ledger(port: int) -> None:
    """Have the steps that pay find the ledger where it listens this time."""
    ledger = Connection.objects.get(name="ledger")
    ledger.settings = {**ledger.settings, "url": f"http://127.0.0.1:{port}"}
    ledger.save(update_fields=["settings"])


def ledger_process(port: int) -> Process:
    file = settings.HOME.path / "demo" / "ledger.sqlite3"
    argv = [sys.executable, "-I", ledger.__file__, "--file", str(file), "--port", str(port)]
    return Process("ledger", argv, grace=5)


def feeder_process() -> Process:
    argv = [sys.executable, "-m", "integrations.demo.feeding"]
    return Process("feeder", argv, {"DJANGO_SETTINGS_MODULE": "orchestrator.settings"}, grace=5)
