"""The names of the admin's tables and fields, in the language of the page.

Django makes them of the models' own names. They are set beside the models, not in them, for a
name that a model keeps is a part of the migrations.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy, gettext_noop, override, pgettext_lazy

from orchestrator.admin.fieldnames import FIELDS

ONE: Final = (
    pgettext_lazy("table", "actor"),
    pgettext_lazy("table", "API key"),
    pgettext_lazy("table", "attempt"),
    pgettext_lazy("table", "authenticator"),
    pgettext_lazy("table", "case"),
    pgettext_lazy("table", "connection"),
    pgettext_lazy("table", "correction"),
    pgettext_lazy("table", "decision"),
    pgettext_lazy("table", "decision right"),
    pgettext_lazy("table", "delivery"),
    pgettext_lazy("table", "event"),
    pgettext_lazy("table", "grant"),
    pgettext_lazy("table", "incident"),
    pgettext_lazy("table", "routing"),
    pgettext_lazy("table", "seat"),
    pgettext_lazy("table", "step"),
    pgettext_lazy("table", "task"),
    pgettext_lazy("table", "transition"),
    pgettext_lazy("table", "verdict"),
    pgettext_lazy("table", "workflow version"),
    pgettext_lazy("table", "workflow"),
)

TABLES: Final = (
    gettext_noop("actors"),
    gettext_noop("API keys"),
    gettext_noop("attempts"),
    gettext_noop("authenticators"),
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

# Tables that only permissions name: the admin has no page of them.
PERMITTED: Final = (
    gettext_noop("debuts"),
    gettext_noop("attachments"),
    gettext_noop("uploads"),
    gettext_noop("case attachments"),
    gettext_noop("checkpoints"),
    gettext_noop("cuts"),
    gettext_noop("timers"),
    gettext_noop("inbounds"),
    gettext_noop("bulks"),
    gettext_noop("bulk rows"),
    gettext_noop("counters"),
    gettext_noop("followers"),
    gettext_noop("waitings"),
    gettext_noop("exports"),
    gettext_noop("saved filters"),
    gettext_noop("default filters"),
)
# Sentences of Django's own admin that its German catalogue lacks or says otherwise than ours.
BORROWED: Final = (
    gettext_noop(
        "Whether the user will be able to authenticate using a password or not. If disabled, "
        "they may still be able to authenticate using other backends, such as Single Sign-On or "
        "LDAP."
    ),
    gettext_noop("Raw passwords are not stored, so there is no way to see the user’s password."),
    gettext_noop("Reset password"),
    gettext_noop("Save and continue editing"),
    gettext_noop("Save and add another"),
    gettext_noop(" By %(filter_title)s "),
    gettext_noop("MFA"),
    gettext_noop("Password-based authentication"),
    gettext_noop("Enabled"),
    gettext_noop("Disabled"),
    gettext_noop("After you’ve created a user, you’ll be able to edit more user options."),
)


def translate(tables: Iterable[type[models.Model]]) -> None:
    """Have models and their fields named in the language of whoever reads."""
    one, fields = _by_english(ONE), _by_english(FIELDS)
    for model in tables:
        meta: Any = model._meta  # noqa: SLF001
        meta.verbose_name_plural = gettext_lazy(str(meta.verbose_name_plural))
        meta.verbose_name = one[str(meta.verbose_name)]
        for field in (*meta.concrete_fields, *meta.many_to_many):
            field.verbose_name = fields.get(str(field.verbose_name), field.verbose_name)


def _by_english(names: Iterable[Any]) -> dict[str, Any]:
    with override(None):
        return {str(name): name for name in names}
