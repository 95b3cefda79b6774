"""Tags and filters of the house: icons, pills, confidence, ages and text from outside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
from orchestrator.pointers import INDEX, split
from orchestrator.spelling import duration, number
from orchestrator.strictjson import HIDDEN

register = template.Library()

MAX_LINES: Final = 400
MAX_TABLE: Final = 50
MAX_COLUMNS: Final = 5

# state or word -> icon, tone, what people read
PILLS: Final = {
    "open": ("open", "accent", gettext_noop("Open")),
    "cancelling": ("cancelled", "warn", gettext_noop("Cancelling")),
    "cancelled": ("cancelled", "", gettext_noop("Cancelled")),
    "completed": ("done", "ok", gettext_noop("Completed")),
    "waiting": ("clock", "", gettext_noop("Waiting")),
    "ready": ("ready", "", gettext_noop("Ready")),
    "running": ("running", "accent", gettext_noop("Running")),
    "in_review": ("review", "warn", gettext_noop("In review")),
    "decided": ("done", "ok", gettext_noop("Decided")),
    "failed": ("failed", "bad", gettext_noop("Failed")),
    "expired": ("clock", "warn", gettext_noop("Expired")),
    "withdrawn": ("cancelled", "", gettext_noop("Withdrawn")),
    "resolved": ("done", "ok", gettext_noop("Resolved")),
    "approved": ("done", "ok", gettext_noop("Approved")),
    "corrected": ("edit", "accent", gettext_noop("Corrected")),
    "rejected": ("failed", "bad", gettext_noop("Rejected")),
    "responded": ("message", "accent", gettext_noop("Answered")),
    "escalated": ("up", "warn", gettext_noop("Escalated")),
    "auto": ("policy", "ok", gettext_noop("Automatic")),
    "review": ("user", "", gettext_noop("One reviewer")),
    "dual": ("users", "", gettext_noop("Two people")),
    "panel": ("users", "", gettext_noop("Panel")),
    "block": ("stop", "bad", gettext_noop("Blocked")),
    "halted": ("stop", "bad", gettext_noop("Stopped")),
    "draft": ("edit", "warn", gettext_noop("Draft")),
    "published": ("done", "ok", gettext_noop("Published")),
    "superseded": ("clock", "", gettext_noop("Superseded")),
    "blind": ("blind", "accent", gettext_noop("Blind")),
    "pending": ("clock", "", gettext_noop("Pending")),
    "sending": ("running", "accent", gettext_noop("Sending")),
    "sent": ("arrow", "", gettext_noop("Sent")),
    "confirmed": ("done", "ok", gettext_noop("Confirmed")),
    "done": ("done", "ok", gettext_noop("Done")),
    "refused": ("failed", "bad", gettext_noop("Refused")),
    "reverted": ("undo", "", gettext_noop("Taken back")),
    "in_doubt": ("warning", "warn", gettext_noop("In doubt")),
}
KIND_ICONS: Final = {
    "agent": "agent",
    "automation": "automation",
    "human": "user",
    "system": "system",
    "decision": "branch",
    "timer": "clock",
    "event": "message",
    "fork": "plus",
    "join": "plus",
    "for_each": "queue",
    "subflow": "workflow",
    "policy": "policy",
    "end": "end",
}
KIND_WORDS: Final = {
    "agent": gettext_noop("agent"),
    "automation": gettext_noop("automation"),
    "human": gettext_noop("human"),
    "people": gettext_noop("people"),
    "system": gettext_noop("system"),
    "policy": gettext_noop("policy"),
    "decision": gettext_noop("decision"),
    "timer": gettext_noop("timer"),
    "event": gettext_noop("event"),
    "fork": gettext_noop("fork"),
    "join": gettext_noop("join"),
    "for_each": gettext_noop("for each"),
    "subflow": gettext_noop("subflow"),
    "end": gettext_noop("end"),
}
# a part of a definition -> one of it, several of it
PART_WORDS: Final = {
    "version": (gettext_noop("Version"), gettext_noop("Versions")),
    "connection": (gettext_noop("Connection"), gettext_noop("Connections")),
    "actor": (gettext_noop("Actor"), gettext_noop("Actors")),
    "step": (gettext_noop("Step"), gettext_noop("Steps")),
    "rule": (gettext_noop("Rule"), gettext_noop("Rules")),
    "transition": (gettext_noop("Transition"), gettext_noop("Transitions")),
}
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
        return escape(_scalar(value))
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
        yield Line(min(depth, 6), key, "empty", "" if value else _("empty"))
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
    """Text and numbers as they are, the rest of JSON in words."""
    if value is None:
        return _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
