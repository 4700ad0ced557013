"""One pulled event, sent on to a server on this machine, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, cast

import httpx

from cli.failure import CommandError, ExitCode
from cli.remote.client import Json, is_tls
from core import clock

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

    @property
    def ack(self) -> Json:
        """What Ringback is told of it."""
        became: Json = {"error": self.error} if self.status is None else {"status": self.status, "body": self.body}
        return {"claim": self.pulled["claim"], "duration_ms": round(self.milliseconds, 3), **became}


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

    def send(self, pulled: Json) -> Forwarded:
        """Send one on."""
        request = cast("Json", pulled["request"])
        headers, body = cast("Mapping[str, str]", request["headers"]), str(request["body"]).encode()
        started = clock.monotonic()
        status, error, text = None, None, ""
        try:
            answer = self._http.post(self.url, content=body, headers=headers)
            status, text = answer.status_code, answer.text[:KEPT]
        except httpx.TimeoutException:
            error = "timeout"
        except httpx.ConnectError:
            error = "connect"
        except httpx.TransportError:
            error = "protocol"
        return Forwarded(pulled, status, error, text, (clock.monotonic() - started) * 1000)
