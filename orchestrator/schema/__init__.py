"""JSON Schema as this project uses it: checked, shown as a form, and read back from one.

``fields`` draws a value or a post, ``parse`` reads a post; what is drawn and posted without an
edit reads back as exactly the same value. ``add_row``, ``remove_row`` and ``drop`` change a
post for the buttons of a form that has no JavaScript.
"""

from orchestrator.pointers import Problem
from orchestrator.schema.checking import check_schema, validate
from orchestrator.schema.forms import Field, fields
from orchestrator.schema.parsing import parse
from orchestrator.schema.posted import add_row, drop, remove_row

__all__ = [
    "Field",
    "Problem",
    "add_row",
    "check_schema",
    "drop",
    "fields",
    "parse",
    "remove_row",
    "validate",
]
