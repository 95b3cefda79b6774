"""The log of events for process mining tools: cases in, OCEL 2.0 or XES out."""

from orchestrator.mining.ocel import as_ocel
from orchestrator.mining.reading import Selection, traces
from orchestrator.mining.saving import save
from orchestrator.mining.telling import Names
from orchestrator.mining.xes import as_xes

__all__ = ["FORMATS", "Names", "Selection", "save", "traces"]

FORMATS = {"ocel2": as_ocel, "xes": as_xes}
