"""A check from this machine: what a receiver has to take, and what it has to refuse, sent to any URL."""

from collections.abc import Generator
from contextlib import suppress
from typing import Final

import httpx

from cli.failure import CommandError, ExitCode
from cli.remote.client import Json
from core import clock
from core.model.conformance import BY_NAME, GOOD, TAKEN, Message, body_of, headers_of, judge
from core.version import VERSION

PIECES: Final = 4


class Trials:
    """Sends messages to a receiver as deliveries are sent: no redirects, no proxies, one deadline."""

    def __init__(self, url: str, timeout: float) -> None:
        """Connect to nothing yet; raise `CommandError` for what is no URL."""
        self._url: Final = url
        self._timeout: Final = timeout
        self._http: Final = httpx.Client(timeout=timeout, trust_env=False, follow_redirects=False)
        self._proves = False
        with suppress(httpx.InvalidURL):
            if httpx.URL(url).scheme in {"http", "https"}:
                return
        raise CommandError(f"{url} is no http:// or https:// URL", ExitCode.USAGE)

    def run(self, message: Message) -> Json:
        """Send one; return what came of it, in the words of a check by the API."""
        trial = BY_NAME[message.trial]
        started = clock.monotonic()
        status, error = self._send(message)
        seconds = clock.monotonic() - started
        if seconds > self._timeout + trial.pause:  # the client's own deadline is for each step
            status, error = None, "timeout"
        self._proves = self._proves or (trial.name == GOOD and status in TAKEN)
        finding = judge(trial, status, error=error, proves=self._proves)
        return {
            "name": trial.name,
            "sends": trial.sends,
            "expected": "taken" if trial.taken else "refused",
            "passed": finding.passed,
            "status": status,
            "error": error,
            "ms": round(seconds * 1000, 1),
            "mend": finding.mend,
        }

    def _send(self, message: Message) -> tuple[int | None, str | None]:
        body, pause = body_of(message), BY_NAME[message.trial].pause
        headers = {**headers_of(message, version=VERSION), "Content-Length": str(len(body))}
        content = _slowly(body, pause) if pause else body
        try:
            return self._http.post(self._url, content=content, headers=headers).status_code, None
        except httpx.TimeoutException:
            return None, "timeout"
        except httpx.ConnectError as error:
            return None, "tls" if "SSL" in str(error) or "certificate" in str(error) else "connect"
        except httpx.NetworkError:
            return None, "connect"
        except httpx.RequestError:  # a body that is not encoded as it says, too
            return None, "protocol"


def _slowly(body: bytes, seconds: float) -> Generator[bytes]:
    size = max(1, -(-len(body) // PIECES))
    for start in range(0, len(body), size):
        yield body[start : start + size]
        clock.rest(seconds / PIECES)
