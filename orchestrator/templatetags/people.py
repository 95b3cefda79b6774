"""People on a page."""

from __future__ import annotations

from typing import Final

from django import template
from django.contrib.auth.models import User
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

TINTS: Final = 6
"""How many pairs of colours ``static/css/tokens.css`` has for people."""


@register.simple_tag
def avatar(user: User) -> SafeString:
    """Two letters on a tint that stays theirs: with it people tell apart who begin alike.

    Not read out, since the name stands beside it.
    """
    return format_html(
        '<span class="avatar avatar-{}" aria-hidden="true">{}</span>',
        user.pk % TINTS,
        initials(user),
    )


def initials(user: User) -> str:
    """Of first and last name a letter each; of one name its first two."""
    names = [*map(_letters, (user.first_name, user.last_name))]
    both = [name[0] for name in names if name]
    if len(both) == len(names):
        return "".join(both)
    return (names[0] or _letters(user.get_username()))[:2]


def _letters(name: str) -> str:
    """What of a name is letters and digits; the rest may turn or hide what stands beside it."""
    return "".join(filter(str.isalnum, name))
