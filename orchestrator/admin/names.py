"""The tables of the admin, for the catalogue: Django makes their names of the models."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop

TABLES: Final = (
    gettext_noop("actors"),
    gettext_noop("API keys"),
    gettext_noop("attempts"),
    gettext_noop("cases"),
    gettext_noop("connections"),
    gettext_noop("corrections"),
    gettext_noop("decisions"),
    gettext_noop("decision rights"),
    gettext_noop("deliveries"),
    gettext_noop("events"),
    gettext_noop("grants"),
    gettext_noop("incidents"),
    gettext_noop("routings"),
    gettext_noop("seats"),
    gettext_noop("steps"),
    gettext_noop("tasks"),
    gettext_noop("transitions"),
    gettext_noop("verdicts"),
    gettext_noop("workflow versions"),
    gettext_noop("workflows"),
)
