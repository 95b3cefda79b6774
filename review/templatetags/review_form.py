"""``{% review_form schema value as form %}``: the form that reviewers of an output get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from review.forms import Form, form_of

register = template.Library()


@register.simple_tag
def review_form(
    definition: Mapping[str, Any],
    value: Any,
    *,
    posted: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
) -> Form:
    """For pages that show how an output of a schema will look; no confidence is shown."""
    return form_of(definition, value, confidence=None, posted=posted, errors=errors)
