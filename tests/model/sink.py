"""Receivers of many endpoints in one server: each path has a behaviour, and all that comes is written down."""

import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, Final

from core.clock import unix_seconds
from tests.model.history import Seen

RESET: Final = "reset"
HANG: Final = "hang"
Behaviour = int | str
_AT_ONCE: Final = struct.pack("ii", 1, 0)  # socket(7), SO_LINGER: close with a reset


class Sink:
    """What the receivers do, and what they saw. A request is written down before it is answered."""

    def __init__(self) -> None:
        self.url = ""
        self.seen: Final[list[Seen]] = []
        self.closing: Final = threading.Event()
        self._behaviours: Final[dict[str, Behaviour]] = {}
        self._lock: Final = threading.Lock()

    def behave(self, endpoint: str, behaviour: Behaviour) -> None:
        """Answer with this status from now on, or reset, or hang."""
        with self._lock:
            self._behaviours[endpoint] = behaviour

    def take(self, seen: "_Request") -> Behaviour:
        """Write a request down, and say what to do with it."""
        with self._lock:
            behaviour = self._behaviours.get(seen.endpoint, 200)
            status = behaviour if isinstance(behaviour, int) else None
            self.seen.append(
                Seen(
                    endpoint=seen.endpoint,
                    webhook_id=seen.headers.get("webhook-id", ""),
                    at=unix_seconds(),
                    headers=seen.headers,
                    body=seen.body,
                    status=status,
                )
            )
        return behaviour

    def of(self, endpoints: set[str]) -> list[Seen]:
        """Return what these endpoints saw."""
        with self._lock:
            return [one for one in self.seen if one.endpoint in endpoints]


class _Request:
    def __init__(self, endpoint: str, headers: dict[str, str], body: bytes) -> None:
        self.endpoint: Final = endpoint
        self.headers: Final = headers
        self.body: Final = body


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    sink: ClassVar[Sink]

    def do_POST(self) -> None:
        """Take one request. The path is `/<whose>`, and what follows another slash does not matter."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        behaviour = self.sink.take(_Request(self.path.split("/")[1], headers, body))
        if isinstance(behaviour, int):
            self.send_response(behaviour)
            self.send_header("content-length", "0")
            self.end_headers()
            return
        if behaviour == HANG:
            self.sink.closing.wait(30)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none of ours."""


@contextmanager
def running_sink() -> Generator[Sink]:
    """Run a sink on loopback until the block ends."""
    sink = Sink()
    handler = type("Handler", (_Handler,), {"sink": sink})
    with _Server(("127.0.0.1", 0), handler) as server:
        sink.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.closing.set()
            with suppress(OSError):
                server.shutdown()
            thread.join()
