"""Who and what else is there in the acceptance tests; run beside the demo.

    python -m tests.acceptance.people < payments.yaml

Carl is in another team, r01 to r50 review expenses, which are another workflow; so is what
comes in. Prints an API key for each person, as one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import django

REVIEWERS: Final = tuple(f"r{number:02}" for number in range(1, 51))


def main() -> None:
    django.setup()
    # Models exist only now.
    from django.contrib.auth.models import Group, User  # noqa: PLC0415

    from orchestrator.api.keys import SCOPES, make_key  # noqa: PLC0415
    from orchestrator.models import Actor  # noqa: PLC0415
    from tests import world  # noqa: PLC0415

    world.workflow()
    world.workflow(sys.stdin.read())
    deciding = Group.objects.filter(name__in=("Reviewers", "Finance", "Expense reviewers"))
    for name in REVIEWERS:
        User.objects.create(username=name).groups.set(deciding)
    keys = {
        user.username: make_key(actor=Actor.objects.for_user(user), name="tests", scopes=SCOPES)[1]
        for user in User.objects.all()
    }
    sys.stdout.write(json.dumps(keys))


if __name__ == "__main__":
    main()
