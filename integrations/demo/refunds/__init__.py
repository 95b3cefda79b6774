"""Refund requests: a generator of synthetic cases and a trained agent that reads them."""

from pathlib import Path

from integrations.demo.store import Store

_SOURCES = ("phrases.yaml", "shop.yaml", "wording.py", "generator.py", "reading.py", "training.py")

STORE = Store("refunds", tuple(Path(__file__).parent / name for name in _SOURCES))
