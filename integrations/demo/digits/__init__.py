"""Handwritten digits: scikit-learn's real images and a trained agent that reads them."""

from pathlib import Path

from integrations.demo.store import Store

_SOURCES = ("pixels.py", "training.py")

STORE = Store("digits", tuple(Path(__file__).parent / name for name in _SOURCES))
