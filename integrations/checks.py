"""What ``manage.py check`` says of the connectors: found at start, not at the first call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from integrations.addresses import readable
from orchestrator.connectors import connector_class, connector_kinds


def check_connectors(**_: Any) -> list[CheckMessage]:
    """Import every registered connector and look whether it speaks the protocol."""
    return [problem for kind in connector_kinds() for problem in _problems(kind)]


def check_allowed_hosts(**_: Any) -> list[CheckMessage]:
    return [
        Error(
            f"REWIRE_HTTP_ALLOWED_HOSTS has {entry!r}, which is no host, address or network.",
            hint="Write ledger.example, 10.0.0.5 or 10.0.0.0/24, without scheme, port or path.",
            id="integrations.E003",
        )
        for entry in settings.REWIRE_HTTP_ALLOWED_HOSTS
        if not readable(entry)
    ]


def _problems(kind: str) -> Iterator[CheckMessage]:
    path = settings.REWIRE_CONNECTORS[kind]
    try:
        found = connector_class(kind)
    # Importing runs foreign code; the site must start far enough to say what is wrong.
    except Exception as error:  # noqa: BLE001
        yield Error(
            f"The connector {kind!r} cannot be imported: {error}",
            hint=f"Correct or remove {path!r} in REWIRE_CONNECTORS.",
            id="integrations.E001",
        )
        return
    missing = [
        name for name in ("call", "check", "identity") if not callable(getattr(found, name, None))
    ]
    if not isinstance(getattr(found, "settings_schema", None), Mapping):
        missing.append("settings_schema")
    if missing:
        yield Error(
            f"The connector {kind!r} has no {', '.join(missing)}.",
            hint=f"Give {path} what orchestrator.connectors.Connector asks for.",
            id="integrations.E002",
        )
