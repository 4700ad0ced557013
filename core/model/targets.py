"""Where a delivery may go: one strict grammar for URLs, and the address rule for literal addresses.

A URL is read here once, at registration. What is stored and sent to is the canonical form, so that no
second parser can read it differently.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Final
from urllib.parse import quote

import idna

from core.model.addresses import Address, Network, judge

URL_LIMIT: Final = 2048
HOST_LIMIT: Final = 253

_SHAPE: Final = re.compile(r"(https?)://([^/]+)(/.*)?", re.ASCII | re.IGNORECASE)
_AUTHORITY: Final = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*))(?::(.*))?")
_PORT: Final = re.compile(r"[1-9][0-9]{0,4}")
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x.*")
_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_LOWEST_USER_PORT: Final = 1024
_HIGHEST_PORT: Final = 65_535
SERVICE_PORTS: Final = frozenset(
    {2375, 2376, 2379, 2380, 3306, 5432, 5672, 6379, 8500, 9200, 9300, 10250, 11211, 15672, 27017}
)
"""Where stores and the machines' own services listen: no URL may have them."""
_SPECIAL: Final = (
    *("arpa", "corp", "home", "home.arpa", "internal", "intranet"),
    *("invalid", "lan", "local", "localhost", "onion", "svc"),
)


class InvalidTargetError(ValueError):
    """A URL that deliveries cannot go to; `reason` is safe to show, it never says what a name resolved to."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    @classmethod
    def forbidden(cls) -> "InvalidTargetError":
        """Return the one error for every forbidden address, literal or resolved."""
        return cls("the target is not allowed: not a public address, nor one of RINGBACK_ALLOW_TARGETS")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its canonical form.

    `host` is an A-label name in lower case, or an address in its shortest form without brackets;
    `path_and_query` starts with `/` and is kept byte for byte.
    """

    scheme: str
    host: str
    port: int
    path_and_query: str
    url: str

    @property
    def address(self) -> Address | None:
        """The literal address, if the host is one."""
        if ":" in self.host:
            return IPv6Address(self.host)
        return IPv4Address(self.host) if self.host.rpartition(".")[2].isdecimal() else None


def check_target(url: str, allowed: tuple[Network, ...], *, https_only: bool) -> Target:
    """Return the target that an endpoint may be registered with; raise `InvalidTargetError` otherwise.

    Names are not resolved here.
    """
    target = parse_target(url)
    if https_only and target.scheme != "https":
        raise InvalidTargetError("the URL must start with https://")
    if target.address is not None and not judge(target.address, allowed):
        raise InvalidTargetError.forbidden()
    return target


def parse_target(url: str) -> Target:
    """Read a URL by the strict grammar; raise `InvalidTargetError` if it does not fit.

    Stricter than RFC 3986 wherever parsers disagree: no user information, fragment, backslash, white
    space or control character, no number spelt in another way than canonical dotted IPv4, names by
    IDNA 2008 (RFC 5891) without mapping, so that look-alike characters fail.
    """
    scheme, authority, path = _split(url)
    host, port_text = _split_authority(authority)
    port = _DEFAULT_PORTS[scheme] if port_text is None else _port(port_text)
    written_host = f"[{host}]" if ":" in host else host
    written_port = "" if port == _DEFAULT_PORTS[scheme] else f":{port}"
    target = Target(scheme, host, port, path, f"{scheme}://{written_host}{written_port}{path}")
    if len(target.url) > URL_LIMIT:
        raise InvalidTargetError(f"the URL is longer than {URL_LIMIT} characters")
    return target


def _split(url: str) -> tuple[str, str, str]:
    if len(url) > URL_LIMIT:
        raise InvalidTargetError(f"the URL is longer than {URL_LIMIT} characters")
    if any(character <= " " or character in "\x7f\\" for character in url):
        raise InvalidTargetError("the URL has white space, a control character or a backslash")
    if "#" in url:
        raise InvalidTargetError("the URL has a fragment")
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise InvalidTargetError("the URL is not of the form https://host/path")
    scheme, authority, path = shape.groups(default="/")
    return scheme.lower(), authority, _path(path)


def _path(path: str) -> str:
    try:
        return quote(path, safe=_PRINTABLE)
    except UnicodeEncodeError:
        raise InvalidTargetError("the URL has a lone surrogate") from None


def _split_authority(authority: str) -> tuple[str, str | None]:
    if "@" in authority:
        raise InvalidTargetError("the URL has user information; use a header instead")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise InvalidTargetError("the host is malformed")
    literal, name, port = parts.groups()
    return (_name(name) if literal is None else _literal_v6(literal)), port


def _port(text: str) -> int:
    port = int(text) if _PORT.fullmatch(text) else 0
    user = _LOWEST_USER_PORT <= port <= _HIGHEST_PORT and port not in SERVICE_PORTS
    if not user and port not in _DEFAULT_PORTS.values():
        raise InvalidTargetError("the port is not allowed")
    return port


def _literal_v6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except AddressValueError:
        raise InvalidTargetError("the host is malformed") from None
    if address.scope_id is not None:
        raise InvalidTargetError("the host has a zone")
    return str(address)


def _name(text: str) -> str:
    lowered = text.translate(_LOWER)
    if _NUMBER.fullmatch(lowered.rstrip(".").rpartition(".")[2]):
        return _literal_v4(lowered)
    name = ".".join(_label(label) for label in lowered.removesuffix(".").split("."))
    if len(name) > HOST_LIMIT:
        raise InvalidTargetError("the host is too long")
    if "." not in name or any(name == suffix or name.endswith(f".{suffix}") for suffix in _SPECIAL):
        raise InvalidTargetError("the host is not a public name")
    return name


def _literal_v4(text: str) -> str:
    try:
        address = str(IPv4Address(text))
    except AddressValueError:
        address = None
    if address is None or address != text:
        raise InvalidTargetError("the host looks like a number but is no dotted IPv4 address")
    return address


def _label(label: str) -> str:
    try:
        encoded = label if label.isascii() else idna.alabel(label).decode("ascii")
        if encoded.startswith("xn--"):
            idna.ulabel(encoded)
    except (idna.IDNAError, ValueError):
        raise InvalidTargetError("the host is not a valid name") from None
    if not _LABEL.fullmatch(encoded):
        raise InvalidTargetError("the host is not a valid name")
    return encoded
