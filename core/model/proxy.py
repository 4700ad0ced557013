"""The way out, where an operator has one: an HTTP proxy that tunnels (RFC 9110, section 9.3.6)."""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


class InvalidProxyError(ValueError):
    """The setting is not the URL of a proxy."""

    def __init__(self) -> None:
        super().__init__("it must look like http://proxy.example:3128 or http://user:password@proxy.example:3128")


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it listens, and what it wants to know (`Proxy-Authorization`), if anything."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)


def parse_proxy(url: str) -> Proxy:
    """Read `http://[user:password@]host:port`; raise `InvalidProxyError` for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidProxyError from None
    if parts.scheme != "http" or not host or not port or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidProxyError
    if parts.username is None:
        return Proxy(host, port)
    given = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
    return Proxy(host, port, f"Basic {base64.b64encode(given).decode()}")
