"""The verbs: one plain function per business act, one transaction each."""

from orchestrator.engine.leases import expire_leases
from orchestrator.engine.publishing import publish

__all__ = ["expire_leases", "publish"]
