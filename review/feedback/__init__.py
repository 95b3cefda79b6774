"""Feedback out: every settled decision as data that can calibrate, train and evaluate.

``rows`` reads them, ``formats`` and ``examples`` shape them, ``exporting`` counts and writes
them, ``history`` remembers who took them. The page, the command and the API only parse a
``Query`` and pass bytes on.
"""

from review.feedback.exporting import Outgoing, manifest_line, sent, stream, write_files
from review.feedback.formats import FORMATS, Format, format_of
from review.feedback.history import history, note
from review.feedback.query import FILTERS, Query, deciders, exportable, given_once
from review.feedback.rows import KEYS, NESTED, Row, batches, count

__all__ = [
    "FILTERS",
    "FORMATS",
    "KEYS",
    "NESTED",
    "Format",
    "Outgoing",
    "Query",
    "Row",
    "batches",
    "count",
    "deciders",
    "exportable",
    "format_of",
    "given_once",
    "history",
    "manifest_line",
    "note",
    "sent",
    "stream",
    "write_files",
]
