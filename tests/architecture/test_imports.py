"""Who may import whom, as pyproject.toml says."""

from __future__ import annotations

from importlinter.cli import lint_imports


def test_the_import_rules_hold() -> None:
    assert lint_imports(no_cache=True) == 0
