"""Tags and filters of the house: icons, pills, confidence, ages and text from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
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

from orchestrator.pointers import INDEX, split
from orchestrator.strictjson import HIDDEN

register = template.Library()

MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
MAX_LINES: Final = 400
MAX_TABLE: Final = 50
MAX_COLUMNS: Final = 5

# state or word -> icon, tone, what people read
PILLS: Final = {
    "open": ("open", "accent", "Open"),
    "cancelling": ("cancelled", "warn", "Cancelling"),
    "cancelled": ("cancelled", "", "Cancelled"),
    "completed": ("done", "ok", "Completed"),
    "waiting": ("clock", "", "Waiting"),
    "ready": ("ready", "", "Ready"),
    "running": ("running", "accent", "Running"),
    "in_review": ("review", "warn", "In review"),
    "decided": ("done", "ok", "Decided"),
    "failed": ("failed", "bad", "Failed"),
    "expired": ("clock", "warn", "Expired"),
    "withdrawn": ("cancelled", "", "Withdrawn"),
    "resolved": ("done", "ok", "Resolved"),
    "approved": ("done", "ok", "Approved"),
    "corrected": ("edit", "accent", "Corrected"),
    "rejected": ("failed", "bad", "Rejected"),
    "responded": ("message", "accent", "Answered"),
    "escalated": ("up", "warn", "Escalated"),
    "auto": ("policy", "ok", "Automatic"),
    "review": ("user", "", "One reviewer"),
    "dual": ("users", "", "Two people"),
    "panel": ("users", "", "Panel"),
    "block": ("stop", "bad", "Blocked"),
    "halted": ("stop", "bad", "Stopped"),
    "draft": ("edit", "warn", "Draft"),
    "published": ("done", "ok", "Published"),
    "superseded": ("clock", "", "Superseded"),
    "blind": ("blind", "accent", "Blind"),
    "pending": ("clock", "", "Pending"),
    "sending": ("running", "accent", "Sending"),
    "sent": ("arrow", "", "Sent"),
    "confirmed": ("done", "ok", "Confirmed"),
    "in_doubt": ("warning", "warn", "In doubt"),
}
KIND_ICONS: Final = {
    "agent": "agent",
    "automation": "automation",
    "human": "user",
    "system": "system",
    "decision": "branch",
    "policy": "policy",
    "end": "end",
}
NO_CONFIDENCE: Final = mark_safe(
    '<span class="conf" title="No confidence given">–<span class="hide"> unknown</span></span>'
)
CONFIDENCE: Final = (
    '<span class="conf{}">{}<svg viewBox="0 0 32 4" aria-hidden="true">'
    '<rect class="track" width="32" height="4" rx="2"/>'
    '<rect class="fill" width="{}" height="4" rx="2"/></svg>'
    '<span class="hide">{} </span>{}</span>'
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
    drawing, tone, word = PILLS.get(state, ("open", "", state.replace("_", " ").capitalize()))
    return format_html(
        '<span class="pill{}">{}{}</span>',
        f" pill-{tone}" if tone else "",
        icon(drawing),
        label or word,
    )


@register.filter
def word(state: str) -> str:
    """What people read for a state or a decision word."""
    return PILLS.get(state, ("", "", state.replace("_", " ").capitalize()))[2]


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
        return NO_CONFIDENCE
    return format_html(
        CONFIDENCE,
        " conf-low" if low else "",
        icon("flag") if low else "",
        round(max(0.0, min(1.0, value)) * 32, 1),
        "Low confidence" if low else "Confidence",
        f"{value:.2f}",
    )


@register.filter
def age(moment: datetime | None) -> SafeString | str:
    """``3 h`` since or until a moment, with the whole moment for programs and on hover."""
    if moment is None:
        return "–"
    seconds = abs((timezone.now() - moment).total_seconds())
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M:%S"),
        short_duration(seconds),
    )


@register.filter
def stamp(moment: datetime | None) -> SafeString | str:
    """A moment as date and time of day."""
    if moment is None:
        return "–"
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        moment.strftime("%Y-%m-%d %H:%M"),
    )


def short_duration(seconds: float) -> str:
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


@register.filter
def visible(value: object) -> SafeString:
    """Text from outside: escaped, hidden and reordering characters written out as marks."""
    text = value if isinstance(value, str) else str(value)
    if HIDDEN.search(text) is None:
        return escape(text)
    parts: list[tuple[str, str]] = []
    end = 0
    for match in HIDDEN.finditer(text):
        parts.append((text[end : match.start()], f"U+{ord(match[0]):04X}"))
        end = match.end()
    marked = format_html_join(
        "", '{}<span class="hidden-char" title="Hidden character">{}</span>', parts
    )
    return format_html("{}{}", marked, text[end:])


@register.filter
def place(pointer: str) -> str:
    """A JSON pointer as people read it: ``/items/0/sku`` is "items, 1, sku"."""
    return " › ".join(map(_part, split(pointer))) or "whole output"


def _part(part: str) -> str:
    is_index = len(part) < 6 and INDEX.fullmatch(part)
    return str(int(part) + 1) if is_index else part.replace("_", " ")


@register.filter
def shown(value: object) -> SafeString:
    """A JSON value on one line."""
    if value is None:
        return mark_safe('<span class="muted">none</span>')
    if isinstance(value, str):
        return visible(value) if value else mark_safe('<span class="muted">empty</span>')
    return visible(json.dumps(value, ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a JSON document: how deep, its key, its kind and what is shown.

    A ``table`` holds a list of like objects: its ``columns``, and in ``cells`` its rows.
    """

    depth: int
    key: str
    kind: str
    text: str = ""
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()


@register.filter
def json_lines(value: Any) -> list[Line]:
    """A JSON document as calm indented lines, at most ``MAX_LINES``."""
    lines: list[Line] = []
    for line in _walk(value, "", 0):
        if len(lines) == MAX_LINES:
            return [*lines, Line(0, "", "empty", "…")]
        lines.append(line)
    return lines


def _walk(value: Any, key: str, depth: int) -> Iterator[Line]:
    if not isinstance(value, dict | list):
        yield Line(min(depth, 6), key, _kind(value), _scalar(value))
        return
    if columns := _columns(value):
        cells = tuple(tuple(_scalar(row.get(name, "")) for name in columns) for row in value)
        yield Line(min(depth, 6), key, "table", columns=columns, cells=cells)
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value, start=1)
    if key or not value:
        yield Line(min(depth, 6), key, "empty", "" if value else json.dumps(value))
        depth += 1
    for name, member in pairs:
        yield from _walk(member, str(name), depth)


def _columns(value: Any) -> tuple[str, ...]:
    """The columns of a list of small flat objects, none where a table would not fit."""
    if not isinstance(value, list) or not 1 < len(value) <= MAX_TABLE:
        return ()
    if not all(isinstance(row, dict) and _is_flat(row) for row in value):
        return ()
    names = tuple(dict.fromkeys(name for row in value for name in row))
    return names if len(names) <= MAX_COLUMNS else ()


def _is_flat(row: dict[str, Any]) -> bool:
    return bool(row) and not any(isinstance(cell, dict | list) for cell in row.values())


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else "string"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
