"""Tags and filters of the house: icons, pills, confidence, ages and text from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from math import isfinite
from typing import Any, Final

from django import template
from django.apps import apps
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from orchestrator import telling
from orchestrator.indented import json_lines, scalar
from orchestrator.looks import KIND_ICONS, KIND_WORDS, PART_WORDS, PILLS
from orchestrator.pointers import INDEX, split
from orchestrator.spelling import duration, number
from orchestrator.strictjson import HIDDEN

register = template.Library()

# How a moment is written.
# For strftime, so xgettext:no-python-format
SHORT: Final = gettext_noop("%Y-%m-%d %H:%M")
# For strftime, so xgettext:no-python-format
ZONED: Final = gettext_noop("%Y-%m-%d %H:%M %Z")
# For strftime, so xgettext:no-python-format
EXACT: Final = gettext_noop("%Y-%m-%d %H:%M:%S %Z")
NO_CONFIDENCE: Final = '<span class="conf" title="{}">–<span class="hide"> {}</span></span>'
CONFIDENCE: Final = (
    '<span class="conf{}">{}<svg viewBox="0 0 32 4" aria-hidden="true">'
    '<rect class="track" width="32" height="4" rx="2"/>'
    '<rect class="fill" width="{}" height="4" rx="2"/></svg>'
    '<span><span class="hide">{} </span>{}</span></span>'
)


@register.simple_tag
@cache
def icon(name: str) -> SafeString:
    """One drawing of static/img/icons.svg; the word beside it carries the meaning."""
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.filter
def kind_icon(kind: str) -> str:
    return KIND_ICONS.get(kind, "open")


@register.filter
def kind_word(kind: str) -> str:
    """Who takes part, in a word: an agent, people, a rule."""
    return _(KIND_WORDS[kind]) if kind in KIND_WORDS else kind.replace("_", " ")


@register.filter
def part_word(kind: str, count: int = 1) -> str:
    """What a part of a definition is called, one of it or several."""
    return _(PART_WORDS[kind][count > 1]) if kind in PART_WORDS else kind.capitalize()


@register.simple_tag(takes_context=True)
def nav(  # noqa: PLR0917 templates pass them in order
    context: template.Context, view: str, drawing: str, label: str, key: str = "", under: str = ""
) -> SafeString:
    """A link of the top bar, or nothing where that page does not exist.

    It is marked on its own page and on those ``under`` it, by default all below its address.
    """
    try:
        url = reverse(view)
    except NoReverseMatch:
        return mark_safe("")
    path = context["request"].path if "request" in context else ""
    here = path == url or (url != "/" and path.startswith(under or url))
    return format_html(
        '<a href="{}"{}{}>{}{}</a>',
        url,
        mark_safe(' aria-current="page"') if here else "",
        format_html(' data-key="{}" title="{} ({})"', key, label, key) if key else "",
        icon(drawing),
        label,
    )


@register.simple_tag(takes_context=True)
def nav_of_apps(context: template.Context) -> SafeString:
    """The links of the top bar that further applications bring: their config's ``nav``."""
    links = [config.nav for config in apps.get_app_configs() if hasattr(config, "nav")]
    return format_html_join("", "{}", ([nav(context, *link)] for link in links))


@register.simple_tag
def pill(state: str, label: str = "") -> SafeString:
    """A status as icon and word, never colour alone."""
    drawing, tone, _word = PILLS.get(state, ("open", "", ""))
    return format_html(
        '<span class="pill{}">{}{}</span>',
        f" pill-{tone}" if tone else "",
        icon(drawing),
        label or word(state),
    )


@register.filter
def word(state: str) -> str:
    """What people read for a state or a decision word."""
    known = PILLS.get(state)
    return _(known[2]) if known else state.replace("_", " ").capitalize()


@register.filter
def tone(state: str) -> str:
    return PILLS.get(state, ("", "", ""))[1]


@register.filter
def state_icon(state: str) -> str:
    return PILLS.get(state, ("open", "", ""))[0]


@register.simple_tag
def confidence(value: float | None, *, low: bool = False) -> SafeString:
    """A confidence of 0 to 1 as number and bar; unknown is said, never shown as 0 or high."""
    if value is None or not isfinite(value):
        return format_html(NO_CONFIDENCE, _("No confidence given"), _("unknown"))
    return format_html(
        CONFIDENCE,
        " conf-low" if low else "",
        icon("flag") if low else "",
        round(max(0.0, min(1.0, value)) * 32, 1),
        _("Low confidence") if low else _("Confidence"),
        number(value, 2),
    )


@register.filter
def age(moment: datetime | None) -> SafeString | str:
    """``3 h`` since or until a moment, with the whole moment for programs and on hover."""
    if moment is None:
        return "–"
    seconds = abs((timezone.now() - moment).total_seconds())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        in_utc(moment),
        local_time(moment, EXACT),
        duration(seconds),
    )


@register.filter
def stamp(moment: datetime | None) -> SafeString | str:
    """A moment as date and time of day."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        in_utc(moment),
        local_time(moment, EXACT),
        local_time(moment, SHORT),
    )


def in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def local_time(moment: datetime, form: str = ZONED) -> str:
    """A moment in the time zone of the page."""
    return timezone.localtime(moment).strftime(_(form))


@register.filter
def visible(value: object) -> SafeString:
    """Text from outside: escaped, hidden and reordering characters written out as marks."""
    text = value if isinstance(value, str) else str(value)
    if HIDDEN.search(text) is None:
        return escape(text)
    parts: list[tuple[str, str, str]] = []
    end = 0
    for match in HIDDEN.finditer(text):
        parts.append((text[end : match.start()], _("Hidden character"), f"U+{ord(match[0]):04X}"))
        end = match.end()
    marked = format_html_join("", '{}<span class="hidden-char" title="{}">{}</span>', parts)
    return format_html("{}{}", marked, text[end:])


@register.filter
def trace_told(trace: Mapping[str, Any]) -> str:
    """What a stored trace found, in the language of the page."""
    return telling.trace_told(trace)


@register.filter
def place(pointer: str) -> str:
    """A JSON pointer as people read it: ``/items/0/sku`` is "items, 1, sku"."""
    return " › ".join(map(_part, split(pointer))) or _("whole output")


def _part(part: str) -> str:
    is_index = len(part) < 6 and INDEX.fullmatch(part)
    return str(int(part) + 1) if is_index else part.replace("_", " ")


@register.filter
def shown(value: object) -> SafeString:
    """A JSON value on one line."""
    if value is None:
        return format_html('<span class="muted">{}</span>', _("none"))
    if isinstance(value, str):
        return visible(value) if value else format_html('<span class="muted">{}</span>', _("empty"))
    if isinstance(value, bool):
        return escape(scalar(value))
    return visible(json.dumps(value, ensure_ascii=False))


register.filter("json_lines", json_lines)
