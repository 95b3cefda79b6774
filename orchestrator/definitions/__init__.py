"""A workflow as readable YAML, and back, without loss.

Importing writes the workflow's one draft, which the admin edits too. Durations are written
``90s``, ``30m``, ``4h`` or ``2d``; secrets are never in a file.
"""

from orchestrator.definitions.checking import problems
from orchestrator.definitions.exporting import export_version
from orchestrator.definitions.importing import import_draft

__all__ = ["export_version", "import_draft", "problems"]
