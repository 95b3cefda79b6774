"""One kept-alive connection to a server on this machine: little enough to load it."""

from __future__ import annotations

import socket
from typing import Final

HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"


class Client:
    """Sends one request at a time; ``headers`` go with each."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = {"Host": "127.0.0.1", **headers}
        self.headers = "".join(f"{name}: {value}\r\n" for name, value in lines.items())

    def get(self, path: str) -> tuple[int, bytes]:
        return self._send("GET", path, b"")

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """The status and the body of the answer."""
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        head = f"{method} {path} HTTP/1.1\r\n{self.headers}"
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.socket.sendall(f"{head}{kind}\r\n".encode() + body)
        return self._answer()

    def _answer(self) -> tuple[int, bytes]:
        received = b""
        while HEAD_END not in received:
            received += self._more()
        head, _, body = received.partition(HEAD_END)
        found = [line for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)]
        left = int(found[0][len(LENGTH) :]) - len(body) if found else 0
        parts = [body]
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        return int(head[9:12]), b"".join(parts)

    def _more(self) -> bytes:
        received = self.socket.recv(1 << 16)
        if not received:
            raise ConnectionError("The server closed the connection.")
        return received
