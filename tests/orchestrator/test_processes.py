"""The state folder, the embedded servers and the process group, with real processes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psycopg
import pytest

from orchestrator.processes import group
from orchestrator.processes.child import PROJECT, Child, Process
from orchestrator.processes.servers import start_postgres, start_valkey
from orchestrator.processes.state import Home, StateError
from tests.living import alive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home.at(tmp_path / "state")
    home.make()
    return home


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


# --- The state folder


def test_the_secret_is_random_private_and_stays(home: Home, tmp_path: Path) -> None:
    secret = home.secret()

    assert len(secret) >= 64
    assert home.secret() == secret
    assert Home.at(tmp_path / "other").secret() != secret
    assert stat.S_IMODE((home.path / "secret").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.path.stat().st_mode) == 0o700


def test_first_starts_that_race_agree_on_the_secret(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: home.secret(), range(32)))

    assert len(secrets) == 1


def test_sockets_of_a_deep_folder_lie_elsewhere(tmp_path: Path) -> None:
    deep = Home.at(tmp_path / ("d" * 100))

    assert len(str(deep.run)) < 60
    assert deep.run == Home.at(deep.path).run != Home.at(tmp_path / ("e" * 100)).run


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StateError, match=r"Cannot use the state folder .*: Not a directory\."):
        Home.at(tmp_path / "file" / "state").make()


def test_a_second_group_in_the_folder_is_refused(home: Home) -> None:
    with home.lock(), pytest.raises(StateError, match=rf"already runs .*process {os.getpid()}"):
        home.lock()


def test_a_new_group_waits_for_children_of_a_killed_one(home: Home) -> None:
    lock = home.lock()
    child = Child(Process("sleep", ["/bin/sleep", "0.5"]), home.logs, keep=[lock])
    (home.path / "lock").write_text(str(_gone()))
    lock.close()

    start = time.monotonic()
    home.lock().close()

    assert time.monotonic() - start > 0.3
    child.stop()


def _gone() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    return process.pid


def test_wiping_deletes_what_is_ours_and_keeps_the_secret(home: Home) -> None:
    secret = home.secret()
    start_valkey(home).stop()
    (home.path / "holiday.jpg").touch()

    home.wipe()

    assert sorted(entry.name for entry in home.path.iterdir()) == ["holiday.jpg", "lock", "secret"]
    assert home.secret() == secret


# --- One child


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs a child as somebody else")
def test_a_child_of_another_account_passes_folders_closed_to_it(home: Home) -> None:
    program = home.path / "looks"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    look = f"import os; print(os.geteuid() > 0, os.access({str(program)!r}, os.X_OK))"
    child = Child(Process("looks", [sys.executable, "-c", look], user="nobody"), home.logs)
    wait_until(lambda: child.exit_code() is not None)

    assert child.last_words() == "True True"


def test_stopping_a_child_stops_what_it_started(home: Home) -> None:
    script = "trap '' TERM; sleep 60 & sleep 60"
    child = Child(
        Process("stubborn", ["/bin/sh", "-c", script, str(home.path)], grace=0.2), home.logs
    )
    wait_until(lambda: alive(home))

    child.stop()

    wait_until(lambda: not alive(home), seconds=5)


def test_a_child_dies_with_its_killed_parent(home: Home) -> None:
    script = (
        "import sys, time; from orchestrator.processes.child import *;"
        "Child(Process('sleep', ['/bin/sh', '-c', 'sleep 60', sys.argv[1]]), Path(sys.argv[1]));"
        "print('started', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(home.path)], cwd=PROJECT, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdout
        parent.stdout.readline()
        parent.kill()

    wait_until(lambda: not alive(home), seconds=5)


# --- The servers


def test_postgres_keeps_its_data_and_never_runs_as_root(home: Home) -> None:
    rows, owner = None, 0
    for attempt in range(2):
        server = start_postgres(home, safe=False)
        with psycopg.connect(
            dbname="rewire", user="rewire", host=str(home.run), autocommit=True
        ) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
            connection.execute("INSERT INTO kept VALUES (%s)", [attempt])
            rows = connection.execute("SELECT count(*) FROM kept").fetchone()
        owner = Path(f"/proc/{server.pid}").stat().st_uid
        server.stop()

    assert rows == (2,)
    assert owner != 0
    assert alive(home) == []


def test_an_interrupted_first_start_leaves_nothing_half_made(home: Home) -> None:
    (home.path / "postgres.new" / "base").mkdir(parents=True)
    (home.path / "postgres.new" / "PG_VERSION").write_text("18\n")

    server = start_postgres(home, safe=False)

    server.stop()
    assert not (home.path / "postgres.new").exists()


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        (None, "holds no PostgreSQL data"),
        ("", "holds no PostgreSQL data"),
        ("14", r"made by PostgreSQL 14, this is \d+"),
    ],
)
def test_foreign_data_is_one_sentence(home: Home, version: str | None, sentence: str) -> None:
    (home.path / "postgres").mkdir()
    if version is not None:
        (home.path / "postgres" / "PG_VERSION").write_text(version)

    with pytest.raises(StateError, match=sentence):
        start_postgres(home)


def test_a_server_that_cannot_start_says_why(home: Home) -> None:
    home.run.mkdir()
    home.valkey_socket.mkdir()

    with pytest.raises(StateError, match=r"valkey did not start: .*valkey\.log"):
        start_valkey(home)


def test_servers_listen_on_no_network(home: Home) -> None:
    server = start_valkey(home, safe=False)

    sockets = {str(link.readlink()) for link in Path(f"/proc/{server.pid}/fd").iterdir()}
    listening = [line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    server.stop()

    assert not [inode for inode in listening if f"socket:[{inode}]" in sockets]


# --- The group


@pytest.mark.parametrize("port", [0, 65536])
def test_what_is_no_port_is_one_sentence(port: int) -> None:
    with pytest.raises(StateError, match=rf"PORT is {port}: set it to a number from 1 to 65535"):
        group._check_port("127.0.0.1", port)


def test_a_taken_port_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StateError, match=rf"port {port}: Address already in use\. Set PORT"):
            group._check_port("127.0.0.1", port)


def test_a_stop_that_python_dropped_is_heeded_at_the_next_look() -> None:
    """What a signal raises inside a finalizer never arrives: the group would run on."""
    before = signal.getsignal(signal.SIGTERM)
    with group._signals():
        with suppress(group.Stopped):
            signal.raise_signal(signal.SIGTERM)

        with pytest.raises(group.Stopped), group._phase("Migrating"):
            pass
    assert signal.getsignal(signal.SIGTERM) is before


class Up:
    """``manage.py up`` in a state folder of its own."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.port = free_port()
        self.output = home.path / "up.out"
        self.process = self.start()

    def start(self, **environ: str) -> subprocess.Popen[bytes]:
        own = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "DJANGO_SETTINGS_MODULE"}
        inherited = {name: value for name, value in os.environ.items() if name not in own}
        with self.output.open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=PROJECT,
                env=inherited
                | {"REWIRE_HOME": str(self.home.path), "PORT": str(self.port)}
                | environ,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> str:
        return self.output.read_text()

    def ready(self) -> Up:
        wait_until(lambda: "Ready" in self.said() or self.process.poll() is not None, seconds=150)
        assert "Ready" in self.said(), self.said()
        return self

    def child(self, name: str) -> int:
        """Pid of the child whose command line holds ``name``."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return next(
            int(pid)
            for pid in children.split()
            if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        )


@pytest.fixture
def up(home: Home) -> Iterator[Up]:
    up = Up(home)
    yield up
    up.process.kill()
    up.process.wait()


def test_the_group_serves_refuses_a_second_and_stops_without_a_trace(up: Up) -> None:
    up.ready()
    with urlopen(f"http://127.0.0.1:{up.port}/readyz") as response:
        assert b'"broker": "ok"' in response.read()

    said, second = up.said(), up.start(PORT=str(free_port()))
    assert second.wait(30) == 1
    assert "Rewire already runs in" in up.said()
    assert said.endswith(f"Ready: http://127.0.0.1:{up.port}\n")

    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(30) == 0
    assert alive(up.home) == []


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    "name", ["granian", "worker@", "timers@", "beat", "bin/postgres", "valkey-server"]
)
def test_the_crash_of_one_process_stops_the_group(up: Up, name: str) -> None:
    os.kill(up.ready().child(name), signal.SIGKILL)

    assert up.process.wait(30) == 1
    assert "ended with code -9, so everything was stopped. Its log: " in up.said()
    assert alive(up.home) == []


@pytest.mark.chaos
@pytest.mark.timeout(240)
def test_a_killed_group_leaves_no_orphan_and_starts_again(up: Up) -> None:
    up.ready().process.kill()
    up.process.wait()

    wait_until(lambda: not alive(up.home), seconds=10)
    up.process = up.start()
    up.ready()


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seconds", [1, 2, 3, 4, 6])
def test_a_stop_while_it_starts_leaves_no_orphan(up: Up, seconds: int) -> None:
    time.sleep(seconds)
    up.process.send_signal(signal.SIGTERM)

    up.process.wait(30)
    wait_until(lambda: not alive(up.home), seconds=10)
