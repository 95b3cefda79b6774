"""What `make` says where it cannot set up: one sentence, and a code that is not 0."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The discard port of this machine: nobody listens there.
NOWHERE = "http://127.0.0.1:9/simple"
MAKE = shutil.which("make") or "make"


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def said(folder: Path, python: str, **environ: str) -> list[str]:
    """The lines of `make setup` on stderr, without those of make itself."""
    kept = {name: value for name, value in os.environ.items() if "PIP_" not in name}
    done = subprocess.run(
        [MAKE, "setup", f"PYTHON={python}"],
        cwd=folder,
        env=kept | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    return [line for line in done.stderr.splitlines() if not line.startswith("make")]


def test_an_unreachable_package_index_is_one_sentence(fresh: Path) -> None:
    nowhere = {"PIP_INDEX_URL": NOWHERE, "UV_DEFAULT_INDEX": NOWHERE}
    closed = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}

    assert said(fresh, sys.executable, **nowhere, **closed) == [
        "Cannot reach the package index: check the network and proxy (details: .venv/install.log)."
    ]


def test_a_python_that_is_too_old_is_one_sentence(fresh: Path) -> None:
    assert said(fresh, "/bin/false") == [
        "Rewire needs Python 3.11 or newer: set PYTHON, as in PYTHON=/opt/python3.13/bin/python3."
    ]


def test_a_python_without_venv_is_one_sentence(fresh: Path) -> None:
    bare = fresh / "python"
    bare.write_text(f'#!/bin/sh\n[ "$1" = -m ] && exit 1\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)

    (sentence,) = said(fresh, str(bare))

    assert sentence == (
        f"{bare} cannot make a virtual environment: install its venv module (Debian: python3-venv)."
    )
