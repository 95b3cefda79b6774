"""The table and bench.json."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

FILE: Final = Path("bench.json")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``floor`` is the same work on the floor; ``aim`` what the ratio or figure
    should reach: ``>= 0.5 floor`` or ``<= 60``."""

    name: str
    value: float
    unit: str
    floor: float | None = None
    aim: str = ""

    @property
    def ratio(self) -> float | None:
        return self.value / self.floor if self.floor else None

    @property
    def verdict(self) -> str:
        """``ok`` or ``missed``; nothing where there is no aim."""
        if not self.aim:
            return ""
        relation, bound, *of_floor = self.aim.split()
        measured = self.ratio if of_floor else self.value
        if measured is None:
            return ""
        reached = measured >= float(bound) if relation == ">=" else measured <= float(bound)
        return "ok" if reached else "missed"


def head() -> None:
    print(f"{'':48}{'Rewire':>10} {'':4}{'floor':>10}{'ratio':>8}  aim", flush=True)


def show(row: Row) -> None:
    floor = "" if row.floor is None else _number(row.floor)
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    figures = f"{_number(row.value):>10} {row.unit:4}{floor:>10}{ratio:>8}"
    print(f"{row.name:48}{figures}  {row.aim:14} {row.verdict}".rstrip(), flush=True)


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 1 else 2
    return f"{value:,.{digits}f}"


def write(rows: list[Row], seconds: float) -> None:
    found: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "seconds": round(seconds),
        "rows": [asdict(row) | {"ratio": row.ratio, "verdict": row.verdict} for row in rows],
    }
    FILE.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{FILE.resolve()}: {seconds:.0f} s in all")
