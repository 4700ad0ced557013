"""Where requests go, and what all that go there have in common: worked out once, for thousands of them."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final
from uuid import UUID

from core.model.outcome import ErrorClass
from core.model.targets import Target, parse_target
from workers.delivery.probe import ExchangeError

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose connection, and to where. Only requests with the same `key` share one."""

    tenant: UUID
    scheme: str
    host: str
    port: int
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Spell the key out: a text keeps its hash, an ID does not."""
        object.__setattr__(self, "key", f"{self.tenant.hex} {self.scheme} {self.host} {self.port}")


class Place:
    """A URL of a tenant's, and what every request to it starts with.

    `lane` is what shares a cap, `tenant` whose connections carry it and whose share of look-ups it takes (untold: the
    lane is its own); `headers` go in front of a request's own.
    """

    def __init__(
        self, lane: UUID, url: str, headers: Headers = (), *, method: str = "POST", tenant: UUID | None = None
    ) -> None:
        """Look at nothing yet: what is wrong with it is the outcome of each request."""
        self.lane: Final = lane
        self.url: Final = url
        self.headers: Final = headers
        self.method: Final = method
        self.tenant: Final = tenant or lane

    @cached_property
    def target(self) -> Target:
        """The URL as the grammar reads it; raises `InvalidTargetError`."""
        return parse_target(self.url)

    @cached_property
    def origin(self) -> Origin:
        """Whose connections carry it; raises as `target`."""
        return Origin(self.tenant, self.target.scheme, self.target.host, self.target.port)

    @cached_property
    def head(self) -> bytes:
        """The first line and the headers, each with its end; raises as `target` and `lines_of`."""
        target = self.target
        host = f"[{target.host}]" if ":" in target.host else target.host
        if target.port != _DEFAULT_PORTS[target.scheme]:
            host = f"{host}:{target.port}"
        first = f"{self.method} {target.path_and_query} HTTP/1.1\r\n".encode("latin-1")
        return first + lines_of((("Host", host), *self.headers))


def lines_of(headers: Headers) -> bytes:
    """Write headers as they go out.

    They were checked when they were registered; here a line too many would be a request of somebody else's making, and
    raises `ExchangeError`.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if lines.count("\r") != len(headers) or lines.count("\n") != len(headers) or "\0" in lines:
        raise ExchangeError(ErrorClass.PROTOCOL)
    return lines.encode("latin-1")
