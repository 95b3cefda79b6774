"""The state folder, ``REWIRE_HOME``: what lies where, and who may use it.

Standard library only: the settings read it before Django is there.

    secret      random SECRET_KEY of this folder
    lock        held by the process group that runs here, and by all its children
    logs/       one file per process
    postgres/   data of the embedded PostgreSQL
    valkey/     data of the embedded Valkey
    run/        sockets of both (elsewhere when the path is too long for a socket)
    static/     collected static files
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

LONGEST_SOCKET_PATH = 100  # bytes; Linux allows 107, macOS 103
SECONDS_TO_WAIT_FOR_LEFTOVERS = 30


class StateError(Exception):
    """The state folder or one of its servers cannot be used; the text is for people."""


@dataclass(frozen=True, slots=True)
class Home:
    """Paths and addresses inside one state folder. ``path`` is absolute."""

    path: Path

    @classmethod
    def at(cls, path: str | os.PathLike[str]) -> Home:
        return cls(Path(path).expanduser().resolve())

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Folder of the sockets, derived from ``path`` alone so that all processes agree."""
        inside = self.path / "run"
        if len(os.fsencode(inside / ".s.PGSQL.5432.lock")) <= LONGEST_SOCKET_PATH:
            return inside
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"rewire-{os.getuid()}-{digest}"

    @property
    def valkey_socket(self) -> Path:
        return self.run / "valkey.sock"

    @property
    def redis_url(self) -> str:
        """redis-py address of the embedded Valkey."""
        return f"unix://{self.valkey_socket}?db=0"

    def make(self) -> None:
        """Create the folder, readable by its owner only. Raises StateError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"Cannot use the state folder {self.path}: {error.strerror}. "
                "Set REWIRE_HOME to a folder you may write to."
            ) from error
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise StateError(
                f"Cannot write to the state folder {self.path}. "
                "Set REWIRE_HOME to a folder you may write to."
            )

    def secret(self) -> str:
        """The random SECRET_KEY of this folder, made at first use. Raises StateError."""
        file = self.path / "secret"
        try:
            secret = file.read_text().strip()
        except FileNotFoundError:
            self.make()
            secret = self._new_secret(file)
        except OSError as error:
            raise StateError(f"Cannot read {file}: {error.strerror}.") from error
        if not secret:
            raise StateError(f"{file} is empty. Delete it: the next start makes a new one.")
        return secret

    def _new_secret(self, file: Path) -> str:
        # Two first starts may race: the one that links first wins, both read the same key.
        handle, draft = tempfile.mkstemp(dir=self.path)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_urlsafe(64))
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            Path(draft).unlink()
        return file.read_text().strip()

    def wipe(self) -> None:
        """Delete data, logs and static files; the secret stays. Raises StateError if in use."""
        with self.lock():
            for pattern in ("postgres*", "valkey", "run", "logs", "static", "beat*"):
                for entry in self.path.glob(pattern):
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def lock(self) -> IO[str]:
        """Take the folder for one process group.

        Give the returned file's descriptor to every child: the folder is free only when
        the last of them is gone, even after a ``kill -9`` of the parent. Raises StateError.
        """
        self.make()
        stream = open(self.path / "lock", "a+")  # noqa: SIM115 held open as long as the group runs
        try:
            _wait_for_lock(stream, self.path)
        except BaseException:
            stream.close()
            raise
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        return stream


def _wait_for_lock(stream: IO[str], path: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_WAIT_FOR_LEFTOVERS
    while not _locked(stream):
        owner = _owner(stream)
        if owner:
            raise StateError(f"Rewire already runs in {path} (process {owner}).")
        if time.monotonic() > deadline:
            raise StateError(f"Processes of an earlier run are still stopping in {path}.")
        time.sleep(0.1)


def _locked(stream: IO[str]) -> bool:
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(stream: IO[str]) -> int | None:
    """The living process that holds the lock; None when only its children are left."""
    stream.seek(0)
    pid = int(stream.read() or 0)
    if not pid:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return pid
