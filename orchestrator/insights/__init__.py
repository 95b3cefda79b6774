"""What the counters say: how a workflow does, by version and period."""

from orchestrator.insights.figures import Band, Figures, Share, figures, spread
from orchestrator.insights.reading import PERIODS, Period, Slice, added, now_in, routed_in, slices
from orchestrator.insights.selecting import ONCE, WHAT, Selection, selected

__all__ = [
    "ONCE",
    "PERIODS",
    "WHAT",
    "Band",
    "Figures",
    "Period",
    "Selection",
    "Share",
    "Slice",
    "added",
    "figures",
    "now_in",
    "routed_in",
    "selected",
    "slices",
    "spread",
]
