"""Where the demo keeps its files: trained readers, images, and the truth about its cases.

The truth lies in a file of its own. No case, no input of a step and no agent leads there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.metadata import version
from os import getpid
from pathlib import Path
from typing import Any

from django.conf import settings

from orchestrator.connectors import PermanentError


@dataclass(frozen=True)
class Store:
    """The folder of one demo workflow; ``sources`` are the files its training depends on."""

    slug: str
    sources: tuple[Path, ...]

    @property
    def folder(self) -> Path:
        """Read from the settings at each use, so that tests can move it."""
        return Path(settings.HOME.path) / "demo" / self.slug

    @cached_property
    def reader(self) -> str:
        """The trained reader's name: another one whenever its training would differ."""
        content = b"".join(source.read_bytes() for source in self.sources)
        digest = sha256(content + version("scikit-learn").encode())
        return f"{self.slug}-reader-{digest.hexdigest()[:12]}"

    @property
    def trained(self) -> bool:
        return self._models().exists()

    def ensure(self) -> None:
        """Train the reader unless it is there: only then is what trains it imported."""
        if not self.trained:
            training = import_module(f"integrations.demo.{self.slug}.training")
            _use_one_thread()
            training.ensure()

    def save(self, models: dict[str, Any]) -> None:
        """Keep the trained models, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        # Two processes may train at once; each moves its own file into place.
        draft = self._models().with_suffix(f".{getpid()}")
        _joblib().dump(models, draft)
        draft.replace(self._models())

    def load(self) -> dict[str, Any]:
        """The trained models by name. Raises PermanentError when they were never trained."""
        if not self.trained:
            raise PermanentError(f"There is no trained {self.reader}; manage.py demo trains it.")
        models: dict[str, Any] = _joblib().load(self._models())
        _use_one_thread()
        return models

    def write_truth(self, truths: Iterable[tuple[str, Any]]) -> None:
        """One JSON line ``{key, truth}`` per case, for measuring only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"key": key, "truth": truth}) + "\n" for key, truth in truths]
        (self.folder / "truth.jsonl").write_text("".join(lines))

    def truth(self) -> dict[str, Any]:
        """What is true, by key; empty before it was written. Read anew once it has changed."""
        file = self.folder / "truth.jsonl"
        return _truth(file, file.stat().st_mtime_ns) if file.exists() else {}

    def _models(self) -> Path:
        return self.folder / f"{self.reader}.joblib"


@lru_cache(maxsize=4)
def _truth(file: Path, _written: int) -> dict[str, Any]:
    rows = (json.loads(line) for line in file.read_text().splitlines())
    return {row["key"]: row["truth"] for row in rows}


def _use_one_thread() -> None:
    """For what is computed from now on. On a busy machine threads of such small models spend
    their time waiting for one another: training took seven times as long with two."""
    import_module("threadpoolctl").threadpool_limits(1)


def _joblib() -> Any:
    """Imported at first use: it brings numpy, which web processes never import."""
    return import_module("joblib")
