"""What several tables share: the database's clock, confidences, words and guards."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pgtrigger
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Q
from django.db.models.expressions import Expression
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from psycopg.types.json import Json


class ClockTimestamp(Func):
    """The database's clock at this moment; ``Now`` would be the transaction's start."""

    function = "clock_timestamp"
    output_field = models.DateTimeField()


class ClockOnce(ClockTimestamp):
    """The same, read once for a whole statement: what may change from row to row is compared with
    every row, and no index is asked for it."""

    template = "(SELECT %(function)s(%(expressions)s))"


def moment() -> models.DateTimeField[datetime, datetime]:
    """A time in UTC that the database's clock sets when the row is written."""
    return models.DateTimeField(db_default=Now(), editable=False)


class Word(models.TextChoices):
    """What a decision says."""

    APPROVED = "approved", _("approved")
    CORRECTED = "corrected", _("corrected")
    REJECTED = "rejected", _("rejected")
    RESPONDED = "responded", _("responded")
    ESCALATED = "escalated", _("escalated")


class Mode(models.TextChoices):
    """Who decides when a rule matches."""

    AUTO = "auto", _("automatic")
    REVIEW = "review", _("one reviewer")
    DUAL = "dual", _("four eyes")
    PANEL = "panel", _("a panel")
    BLOCK = "block", _("blocked")


ASKING = frozenset({Mode.REVIEW, Mode.DUAL, Mode.PANEL})
"""The modes that ask people."""


def probability(field: str, name: str) -> models.CheckConstraint:
    """Absent or 0 to 1. PostgreSQL sorts NaN above every number, so ``<= 1`` refuses it."""
    passing = Q(**{f"{field}__gte": 0, f"{field}__lte": 1})
    return models.CheckConstraint(condition=Q(**{f"{field}__isnull": True}) | passing, name=name)


def one_of(field: str, choices: type[models.TextChoices], name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(**{f"{field}__in": choices.values}), name=name)


def append_only() -> pgtrigger.Protect:
    """Rows of the record are written once, by whomever and from wherever."""
    return pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)


def moves(*allowed: tuple[str, str]) -> pgtrigger.FSM:
    """The table of transitions, closed in the database."""
    return pgtrigger.FSM(name="state_moves", field="state", transitions=list(allowed))


def frozen_when_finished() -> pgtrigger.Protect:
    """A row with ``finished_at`` set stays as it is."""
    return pgtrigger.Protect(
        name="frozen_when_finished",
        operation=pgtrigger.Update | pgtrigger.Delete,
        condition=pgtrigger.Q(old__finished_at__isnull=False),
    )


def frozen_definition(version: str) -> pgtrigger.Trigger:
    """Part of a published version: neither written, nor changed, nor removed.

    ``version`` is SQL that gives the version's id from a row named ``part``.
    """
    return pgtrigger.Trigger(
        name="frozen",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        declare=[("part", "RECORD"), ("published", "TIMESTAMPTZ")],
        func=f"""
            FOR part IN SELECT (OLD).* WHERE TG_OP <> 'INSERT'
                UNION ALL SELECT (NEW).* WHERE TG_OP <> 'DELETE' LOOP
                SELECT published_at INTO published FROM orchestrator_workflowversion
                    WHERE id = ({version});
                IF published IS NOT NULL THEN
                    RAISE EXCEPTION 'A published version cannot change; clone it to a draft.'
                        USING ERRCODE = 'check_violation';
                END IF;
            END LOOP;
            RETURN COALESCE(NEW, OLD);
        """,  # noqa: S608
    )


class OrderedJSONField(models.JSONField):
    """JSON kept as it was written: jsonb would sort the keys, and with them the fields of forms."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "json"

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        # Django would send jsonb, which is cast only when its order is lost.
        return value if value is None or isinstance(value, Json) else Json(value)

    def from_db_value(
        self, value: Any, expression: Expression, connection: BaseDatabaseWrapper
    ) -> Any:
        # psycopg reads json itself; Django only has it leave jsonb alone.
        if isinstance(value, str):
            return super().from_db_value(value, expression, connection)
        return value
