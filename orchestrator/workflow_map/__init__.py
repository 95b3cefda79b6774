"""The map of a version as a drawing: steps from left to right, a lane for each participant.

Pure: no database, no Django. Boxes never overlap, and lines run between them.
"""

from orchestrator.workflow_map.drawing import draw
from orchestrator.workflow_map.shapes import Band, Box, Desk, Drawing, Frame, Lane, Line, Place, Way

__all__ = ["Band", "Box", "Desk", "Drawing", "Frame", "Lane", "Line", "Place", "Way", "draw"]
