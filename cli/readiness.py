import http.client
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from core.clock import monotonic

_PERIOD: Final = 0.1
_PATIENCE: Final = 20.0
EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not a bind
"""Hosts that stand for every address, and how this machine reaches what listens there."""
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_TENANT: Final = {"slug": "default", "name": "Default"}


def url_of(host: str, port: int) -> str:
    """Return where a client on this machine reaches what listens on a host, which may stand for every address."""
    host = EVERY_ADDRESS.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


class Api:
    """The API as its supervisor sees it: over HTTP, like everybody."""

    def __init__(self, host: str, port: int, operator_key: str) -> None:
        """Speak to `host:port` with the operator's key."""
        self.host = EVERY_ADDRESS.get(host, host)
        self.port = port
        self._operator_key = operator_key

    @property
    def url(self) -> str:
        """Where a client on this machine reaches it."""
        return url_of(self.host, self.port)

    def is_ready(self) -> bool:
        """Say whether `/readyz` answers 200."""
        return self._ask("GET", "/readyz") == http.HTTPStatus.OK

    def ensure_tenant(self) -> bool:
        """Make the tenant `default` and say whether it is there now."""
        headers = {"Authorization": f"Bearer {self._operator_key}", "Content-Type": "application/json"}
        status = self._ask("POST", "/v1/tenants", json.dumps(_TENANT), headers)
        return status in {http.HTTPStatus.CREATED, http.HTTPStatus.CONFLICT}

    def _ask(
        self, method: str, path: str, body: str | None = None, headers: Mapping[str, str] = _NO_HEADERS
    ) -> int | None:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request(method, path, body, headers)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Readiness:
    """Asks the API until it is ready, then makes the tenant and calls `on_ready`, once."""

    def __init__(self, api: Api, *, on_ready: Callable[[], None], say: Callable[[str], None]) -> None:
        """Ask `api`; tell by `say` what is odd."""
        self._api = api
        self._on_ready = on_ready
        self._say = say
        self._done = False
        self._complain_at: float | None = monotonic() + _PATIENCE

    def turn(self) -> float | None:
        """Ask once and return the seconds until the next time; `None` when all is done."""
        if self._done:
            return None
        if not self._api.is_ready():
            if self._complain_at and monotonic() > self._complain_at:
                self._say(f"still not ready; {self._api.url}/readyz says what is missing")
                self._complain_at = None
            return _PERIOD
        self._done = True
        if not self._api.ensure_tenant():
            self._say("could not make the tenant `default`")
        self._on_ready()
        return None
