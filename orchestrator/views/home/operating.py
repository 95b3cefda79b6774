"""The home of an administrator: whether everything runs, and nothing fell between the cracks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator import lifesigns
from orchestrator.models import Actor
from orchestrator.templatetags.rewire import short_duration
from orchestrator.views.home.leading import troubles
from orchestrator.views.home.sections import Section, counted, listed

NAMES: Final = {
    lifesigns.TIMERS: "Timers",
    lifesigns.WORKER: "Machine steps",
    lifesigns.MEASURE: "Measuring",
}


@dataclass(frozen=True, slots=True)
class Process:
    """A kind of background process, and how long ago one of it reported."""

    name: str
    ago: str
    silent: bool


def administrator(actor: Actor, *, stopped: bool) -> Section:
    signs, found = lifesigns.signs(), troubles(actor)
    silent = signs.silent()
    orphans = signs.measured.get("orphans")
    data = {
        "processes": [_process(kind, name, signs) for kind, name in _expected(signs)],
        "orphans": orphans,
        "incidents": found,
    }
    line = listed(
        [
            "everything runs" if not silent else f"{NAMES[silent]}: nobody reports",
            "" if orphans is None else counted(int(orphans), "orphan"),
            counted(len(found), "incident") if found else "no incidents",
            "automatic approval is stopped everywhere" if stopped else "",
        ]
    )
    return Section("admin", line, "bad" if silent or orphans else "", data)


def _expected(signs: lifesigns.Signs) -> list[tuple[str, str]]:
    """Measuring is shown once it began: in the first minute of all nothing was measured yet."""
    return [row for row in NAMES.items() if row[0] != lifesigns.MEASURE or row[0] in signs.seconds]


def _process(kind: str, name: str, signs: lifesigns.Signs) -> Process:
    seconds = signs.seconds.get(kind)
    limit = lifesigns.SECONDS_OF_SILENCE * (4 if kind == lifesigns.MEASURE else 1)
    late = seconds is None or seconds >= limit
    busy = kind == lifesigns.WORKER and signs.busy
    return Process(
        name,
        "never" if seconds is None else f"{short_duration(seconds)} ago",
        silent=late and not busy,
    )
