"""Feedback out: every settled decision as data that can calibrate, train and evaluate.

``rows`` reads them, ``formats`` shapes them, ``exporting`` counts and writes them. The page,
the command and the API only parse a ``Query`` and pass bytes on.
"""

from review.feedback.exporting import Export, manifest_line, stream, write_files
from review.feedback.formats import FORMATS, Format, format_of
from review.feedback.query import FILTERS, Query, deciders, exportable
from review.feedback.rows import KEYS, NESTED, Row, batches, count

__all__ = [
    "FILTERS",
    "FORMATS",
    "KEYS",
    "NESTED",
    "Export",
    "Format",
    "Query",
    "Row",
    "batches",
    "count",
    "deciders",
    "exportable",
    "format_of",
    "manifest_line",
    "stream",
    "write_files",
]
