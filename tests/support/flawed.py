"""Receivers that are right, or wrong in one way."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Final

from standardwebhooks import Webhook, WebhookVerificationError

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNATURE: Final = "webhook-signature"
STAMP: Final = "webhook-timestamp"
Headers = Mapping[str, str]


def verifies(headers: Headers, body: bytes) -> bool:
    """Tell whether a request verifies, by the reference library."""
    try:
        Webhook(SECRET).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _is_signed(headers: Headers, body: bytes) -> bool:
    """Sign it over, whenever and as whatever it came, and compare."""
    at = datetime.fromtimestamp(int(headers[STAMP]), UTC)
    return Webhook(SECRET).sign(headers["webhook-id"], at, body.decode()) in headers.get(SIGNATURE, "").split(" ")


JUDGES: Final[Mapping[str, Callable[[Headers, bytes], bool]]] = {
    "takes_everything": lambda _headers, _body: True,
    "looks_at_the_form": lambda headers, body: verifies(headers, body) or len(headers.get(SIGNATURE, "")) == 47,
    "no_signature": lambda headers, body: SIGNATURE not in headers or verifies(headers, body),
    "empty_signature": lambda headers, body: headers.get(SIGNATURE) == "v1," or verifies(headers, body),
    "stale_timestamp": _is_signed,
    "wrong_id": lambda headers, body: (
        verifies(headers, body) or verifies({**headers, "webhook-id": f"{headers['webhook-id']}x"}, body)
    ),
    "changed_body": lambda headers, body: verifies(headers, body.strip()),
    "rotation": lambda headers, body: verifies(
        {**headers, SIGNATURE: headers.get(SIGNATURE, "").partition(" ")[0]}, body
    ),
}
"""What a receiver takes that is wrong in this way."""


class _Handler(BaseHTTPRequestHandler):
    flaw = ""
    seen: set[str] = set()  # noqa: RUF012 - each receiver has a class of its own
    ended = Event()

    def do_POST(self) -> None:
        """Answer as the flaw has it."""
        body = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        taken = JUDGES.get(self.flaw, verifies)(headers, body)
        if self.flaw == "never_answers":
            self.ended.wait(30)
        status = 204 if taken else 500 if self.flaw == "fails_instead" else 401
        if self.flaw == "repeat" and taken and headers["webhook-id"] in self.seen:
            status = 409
        if self.flaw == "large_body" and len(body) > 500_000:
            status = 413
        self.seen.add(headers["webhook-id"])
        with suppress(OSError):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _body(self) -> bytes:
        length = int(self.headers.get("content-length", 0))
        return self.rfile.read1(length) if self.flaw == "slow_body" else self.rfile.read(length)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


@contextmanager
def receiver_with(flaw: str) -> Generator[str]:
    """Run a receiver that is wrong in one way, or in none; yield its URL."""
    ended = Event()
    handler = type("Flawed", (_Handler,), {"flaw": flaw, "seen": set[str](), "ended": ended})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/hook"
        finally:
            ended.set()
            server.shutdown()
