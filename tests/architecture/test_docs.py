"""What the documentation says is there, and what is there is documented."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


def test_every_model_is_in_the_glossary() -> None:
    words = set(re.findall(r"\w+", (ROOT / "docs/GLOSSARY.md").read_text()))

    ours = [*apps.get_app_config("orchestrator").get_models()]
    ours += apps.get_app_config("review").get_models()
    assert {model.__name__ for model in ours} <= words


def test_links_between_documents_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("integrations/**/*.md")]

    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_the_readme_runs_commands_that_exist() -> None:
    commands = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text()))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert {"demo", "test"} <= commands <= targets


def test_every_command_is_documented() -> None:
    told = (ROOT / "docs/commands.md").read_text()
    folders = ROOT.glob("*/**/management/commands/*.py")
    commands = {path.stem for path in folders if ".venv" not in path.parts} - {"__init__"}

    assert {name for name in commands if f"`manage.py {name}" not in told} == set()
    assert "import_workflow" in commands


def test_every_setting_from_the_environment_is_documented() -> None:
    source = (ROOT / "orchestrator/settings.py").read_text()
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", source))
    told = set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert read - told == set()
    assert told - read == set()
