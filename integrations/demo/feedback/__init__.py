"""Customer feedback: real short texts, each rated by at least 20 people, and a trained agent."""

from pathlib import Path

from integrations.demo.store import Store

_SOURCES = ("texts.py", "training.py")

STORE = Store("feedback", tuple(Path(__file__).parent / name for name in _SOURCES))
