"""manage.py check_orphans: is there any open case or task that nothing will ever move again?"""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from orchestrator import engine


class Command(BaseCommand):
    help = "Count the cases and tasks that nothing will move again; exit 1 unless there are none."

    def handle(self, *args: Any, **options: Any) -> None:
        found = engine.orphans()
        self.stdout.write(f"orphans: {len(found)}")
        for orphan in found:
            task = f", task {orphan.task_id}" if orphan.task_id else ""
            self.stdout.write(f"{orphan.kind}: case {orphan.case_id}{task}")
        if found:
            sys.exit(1)
