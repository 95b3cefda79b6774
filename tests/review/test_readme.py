"""The table of addresses in review/README.md is the whole truth."""

from __future__ import annotations

import re
from pathlib import Path

from django.conf import settings

from review.urls import urlpatterns

README = Path(settings.BASE_DIR) / "review" / "README.md"


def test_every_page_is_in_the_table_and_no_other() -> None:
    listed = re.findall(r"^\| `(/[^`]*)` \|", README.read_text(), re.MULTILINE)
    routes = [re.sub(r"<int:\w+>", "<id>", f"/review/{one.pattern}") for one in urlpatterns]

    assert set(listed) == set(routes)
