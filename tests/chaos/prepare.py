"""People, the workflow that is given, and the key of a program; run beside the processes.

python -m tests.chaos.prepare < flow.yaml
"""

from __future__ import annotations

import sys

import django


def main() -> None:
    django.setup()
    # Models exist only now.
    from orchestrator.api.keys import make_key  # noqa: PLC0415
    from tests import world  # noqa: PLC0415

    world.workflow(sys.stdin.read())
    key = make_key(actor=world.actor("alice"), name="chaos", scopes=["cases"])[1]
    sys.stdout.write(key)


if __name__ == "__main__":
    main()
