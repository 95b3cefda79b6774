"""One more refund every twenty seconds, from a reserve, so that the demo's map lives.

    python -m integrations.demo.feeding

is a process of the demo's group and ends only with it: at the end of the reserve, and while
dora has paused it, it sends nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import django
from django.conf import settings
from django.db import DatabaseError, close_old_connections

from integrations.demo.refunds import generator

SECONDS: Final = 20

logger = logging.getLogger(__name__)


def pause_file() -> Path:
    return Path(settings.HOME.path) / "demo" / "paused"


def is_paused() -> bool:
    return pause_file().exists()


def set_paused(*, paused: bool) -> None:
    if paused:
        pause_file().touch()
    else:
        pause_file().unlink(missing_ok=True)


def feed(count: int = 1) -> Sequence[int]:
    """Start the next requests of the reserve; the ids of their cases, fewer at its end."""
    # Models exist only once Django is set up.
    from integrations.demo.loading import sender  # noqa: PLC0415
    from orchestrator import engine  # noqa: PLC0415
    from orchestrator.models import Case, Workflow  # noqa: PLC0415

    refunds = Workflow.objects.get(slug="refunds")
    last = f"RR-{generator.CASES:05d}"
    fed = Case.objects.filter(workflow=refunds, key__gt=last, key__startswith="RR-").count()
    numbers = range(fed, min(fed + count, generator.RESERVE))
    drafts = (
        generator.Draft(generator.ARRIVING, generator.CASES + number, unseen=True)
        for number in numbers
    )
    sent = [{"key": request.key, "data": request.data} for request in (d.request() for d in drafts)]
    started = engine.start_cases(refunds, actor=sender(refunds), cases=sent) if sent else []
    return [outcome.case_id for outcome in started if outcome.case_id]


def main() -> None:
    django.setup()
    while True:
        time.sleep(SECONDS)
        close_old_connections()
        take_turn()


def take_turn() -> None:
    """Send one request, unless dora has paused the arrivals."""
    try:
        if not is_paused():
            feed()
    except DatabaseError:
        # The group says what is wrong; the next turn tries again.
        logger.warning("the database did not take a request", exc_info=True)


if __name__ == "__main__":
    main()
