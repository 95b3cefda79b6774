"""What the counters say: how a workflow does, by version, agent and period."""

from orchestrator.insights.agents import Record, debut_of, records
from orchestrator.insights.figures import Band, Figures, Share, figures, spread
from orchestrator.insights.reading import PERIODS, Period, Slice, added, now_in, routed_in, slices
from orchestrator.insights.selecting import ONCE, WHAT, Selection, answered_by, selected

__all__ = [
    "ONCE",
    "PERIODS",
    "WHAT",
    "Band",
    "Figures",
    "Period",
    "Record",
    "Selection",
    "Share",
    "Slice",
    "added",
    "answered_by",
    "debut_of",
    "figures",
    "now_in",
    "records",
    "routed_in",
    "selected",
    "slices",
    "spread",
]
