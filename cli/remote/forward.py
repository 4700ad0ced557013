"""One pulled event, sent on to a server on this machine, and what became of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import httpx

from cli.failure import CommandError, ExitCode
from cli.remote.client import Json, is_tls
from core import clock
from core.model.retry import retry_after
from core.model.settle import CONTROL_HEADER, SLOW_DOWN, is_abort

PATIENCE: Final = 15.0
"""Seconds, as an endpoint's timeout is unless it says else."""
KEPT: Final = 16 * 1024
"""Characters of an answer that go into the log."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the local server answered, or why it did not."""

    pulled: Json
    status: int | None
    error: str | None
    body: str
    milliseconds: float
    retry_after: int | None = None
    """Seconds that it asks to wait."""
    abort: bool = False
    """Whether it wants the delivery to end."""

    @property
    def ack(self) -> Json:
        """What Ringback is told of it."""
        became: Json = {"error": self.error} if self.status is None else {"status": self.status, "body": self.body}
        asked: Json = {} if self.retry_after is None else {"retry_after": self.retry_after}
        ends: Json = {"abort": True} if self.abort else {}
        return {"claim": self.pulled["claim"], "duration_ms": round(self.milliseconds, 3), **became, **asked, **ends}


class Forwarder:
    """Sends events on, as a delivery would be: no redirects, no proxies, one deadline."""

    def __init__(self, url: str) -> None:
        """Connect to nothing yet; raise `CommandError` for what is no URL."""
        self.url: Final = url
        self._http: Final = httpx.Client(timeout=PATIENCE, trust_env=False, follow_redirects=False, verify=is_tls(url))
        try:
            self._http.build_request("POST", url)
            good = httpx.URL(url).scheme in {"http", "https"}
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise CommandError(f"{url}: {error}", ExitCode.USAGE) from error
        if not good:
            raise CommandError(f"{url} is no http:// or https:// URL", ExitCode.USAGE)

    def close(self) -> None:
        """Close the connection to the server."""
        self._http.close()

    def send(self, pulled: Json) -> Forwarded:
        """Send one on."""
        request = cast("Json", pulled["request"])
        headers, body = cast("Mapping[str, str]", request["headers"]), str(request["body"]).encode()
        started = clock.monotonic()
        try:
            answer = self._http.post(self.url, content=body, headers=headers)
        except httpx.RequestError as error:
            name = next(name for kind, name in _ERRORS.items() if isinstance(error, kind))
            return Forwarded(pulled, None, name, "", _since(started))
        return Forwarded(
            pulled,
            answer.status_code,
            None,
            answer.text[:KEPT],
            _since(started),
            retry_after=_pause(answer),
            abort=is_abort(answer.headers.get(CONTROL_HEADER)),
        )


_ERRORS: Final[Mapping[type[httpx.RequestError], str]] = {
    httpx.TimeoutException: "timeout",
    httpx.ConnectError: "connect",
    httpx.RequestError: "protocol",  # a body that is not encoded as it says, too
}


def _since(started: float) -> float:
    return (clock.monotonic() - started) * 1000


def _pause(answer: httpx.Response) -> int | None:
    """Return the whole seconds for which a server asks to be left alone, as a delivery would mind it."""
    value = answer.headers.get("retry-after")
    if value is None or answer.status_code not in SLOW_DOWN:
        return None
    seconds = retry_after(value, clock.now())
    return None if seconds is None else math.ceil(seconds)
