"""Conditions of rules and transitions: three-valued, traced, printable.

A condition is one of ``{"all": [...]}``, ``{"any": [...]}``, ``{"not": condition}``,
``{"fact": name, "op": op, "value": json}`` and ``{"fact": name, "op": op, "fact2": name}``;
``{}`` and None always hold. A fact name is a first word and then a JSON pointer:
``confidence``, ``output/order/amount``; ``field_confidence/order/amount`` looks up
``/order/amount`` in a flat map.

Truth is True, False or None (unknown), joined by Kleene's rules. A comparison is unknown
when a fact is missing, null, NaN or infinite, when a confidence is outside 0 to 1, and
when the kinds differ (a bool is no number). Null compares only with a written
``"value": null``; texts have an order when both are ISO dates, or date-times with a zone.
"""

from orchestrator.conditions.checking import facts_used, validate
from orchestrator.conditions.evaluating import ALWAYS, UNREADABLE, Trace, evaluate, retold
from orchestrator.conditions.saying import sentence

__all__ = [
    "ALWAYS",
    "UNREADABLE",
    "Trace",
    "evaluate",
    "facts_used",
    "retold",
    "sentence",
    "validate",
]
