"""The demo's workflows, as text. No workflow is built in Python."""

from pathlib import Path

SLUGS = ("tutorial", "digits", "refunds")
FETCHED = "feedback"
"""Only there where its texts could be fetched."""


def text(name: str) -> str:
    """A YAML file of this folder."""
    return (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8")
