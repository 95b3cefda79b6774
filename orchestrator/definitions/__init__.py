"""A workflow as readable YAML, and back, without loss.

Importing writes the workflow's one draft, which the admin edits too. Durations are written
``90s``, ``30m``, ``4h`` or ``2d``; secrets are never in a file.
"""

from orchestrator.definitions.changing import Difference, changes, text_changes
from orchestrator.definitions.checking import problems, warnings
from orchestrator.definitions.cloning import clone_to_draft
from orchestrator.definitions.exporting import content, export_version, transitions, written
from orchestrator.definitions.facts import Fact, Facts, facts_of
from orchestrator.definitions.format import duration, seconds
from orchestrator.definitions.importing import import_draft
from orchestrator.definitions.reading import definition, value

__all__ = [
    "Difference",
    "Fact",
    "Facts",
    "changes",
    "clone_to_draft",
    "content",
    "definition",
    "duration",
    "export_version",
    "facts_of",
    "import_draft",
    "problems",
    "seconds",
    "text_changes",
    "transitions",
    "value",
    "warnings",
    "written",
]
