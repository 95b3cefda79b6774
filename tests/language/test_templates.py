"""No template shows a text that nobody can translate."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from django.conf import settings

from tests.language.bare import bare_texts

FOLDERS: Final = ("templates", "integrations/demo/templates", "review/templates")
TEMPLATES: Final = sorted(
    path.relative_to(settings.BASE_DIR)
    for folder in FOLDERS
    for path in Path(settings.BASE_DIR, folder).rglob("*.html")
)
# Names that are the same in every language.
NAMES: Final = frozenset(
    {
        *("Rewire", "Rewire:", "· Rewire", "· · Rewire", ": · Rewire", "API · Rewire"),
        *("UTC", "JSON", "YAML", "SHA-256", "OpenAPI 3.1", "API"),
    }
)


@pytest.mark.parametrize("path", TEMPLATES, ids=str)
def test_every_text_of_a_template_is_translated(path: Path) -> None:
    assert set(bare_texts(Path(settings.BASE_DIR, path).read_text())) - NAMES == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<p>Plain</p>", ["Plain"]),
        ("<p>{{ name }} waits</p>", ["waits"]),
        ('<p>{% translate "Plain" %}</p>', []),
        ("<p>{% blocktranslate %}Plain {{ name }}{% endblocktranslate %}</p>", []),
        ('<img alt="A picture"><input placeholder="{% translate "Name" %}">', ["A picture"]),
        ('{% include "x.html" with title="Nothing" %}', ["Nothing"]),
        ('{% include "x.html" with title=_("Nothing") %}', []),
        ('{{ name|default:"Nobody" }}', ["Nobody"]),
        ('{% pill "open" "Yours" %}{% pill "open" _("Yours") %}', ["Yours"]),
        ("<kbd>Enter</kbd><code>manage.py</code> · 3 {# a note #}", []),
    ],
)
def test_a_bare_text_is_found_wherever_it_stands(source: str, found: list[str]) -> None:
    assert bare_texts(source) == found
