"""A server that takes one request per connection and then behaves badly, or as told."""

import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType

Behaviour = Callable[[socket.socket], None]


def hang_up(_: socket.socket) -> None:
    """Close without an answer."""


def stay_silent(connection: socket.socket) -> None:
    """Say nothing until the client gives up."""
    connection.settimeout(10)
    connection.recv(1)


def break_off(connection: socket.socket) -> None:
    """Promise more bytes than are sent."""
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n{"
    )


def answer(
    status: int, body: bytes, content_type: str = "application/json", *more: str
) -> Behaviour:
    """Answer in full."""
    lines = [
        f"HTTP/1.1 {status} Whatever",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *more,
    ]
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"
    return lambda connection: connection.sendall(head + body)


class Fickle:
    """Counts the requests it took in `requests` (their first lines)."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> "Fickle":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            head = _request(connection)
            if head:
                self.requests.append(head.split(b"\r\n", 1)[0].decode())
                try:
                    self.behaviour(connection)
                except OSError:
                    return


def _request(connection: socket.socket) -> bytes:
    """The whole request, head and body, so that the client has surely sent it."""
    connection.settimeout(5)
    got = b""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        head, found, body = got.partition(b"\r\n\r\n")
        lengths = [
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        ]
        if found and len(body) >= (lengths[0] if lengths else 0):
            return got
        piece = connection.recv(65536)
        if not piece:
            return got
        got += piece
    return got


def closed_port() -> str:
    """An address at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"
