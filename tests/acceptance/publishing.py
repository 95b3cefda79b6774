"""Publish a workflow's definition from standard input in the name of alice, who owns it.

python -m tests.acceptance.publishing < expenses.yaml
"""

from __future__ import annotations

import sys

import django


def main() -> None:
    django.setup()
    # Models exist only now.
    from django.contrib.auth.models import User  # noqa: PLC0415

    from orchestrator import engine  # noqa: PLC0415
    from orchestrator.definitions import import_draft  # noqa: PLC0415
    from orchestrator.models import Actor  # noqa: PLC0415

    alice = Actor.objects.for_user(User.objects.get(username="alice"))
    engine.publish(import_draft(sys.stdin.read()), actor=alice)


if __name__ == "__main__":
    main()
