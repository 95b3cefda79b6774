"""What tests of a whole installation share: programs beside it, and a server that it calls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from orchestrator.processes.child import PROJECT

Answer = Callable[[BaseHTTPRequestHandler], tuple[int, bytes]]


def ran(environ: Mapping[str, str], *argv: str, given: str = "") -> str:
    """What a Python program says that runs beside the installation; it must succeed."""
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=PROJECT,
        env={**environ, "DJANGO_SETTINGS_MODULE": "orchestrator.settings"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def served(answer: Answer) -> Iterator[str]:
    """The address of a server on the loopback that answers each POST with a status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, content = answer(self)
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
