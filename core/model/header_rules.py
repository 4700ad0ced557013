"""Which headers an endpoint may add to its requests, and how their values are shown."""

import re
from collections.abc import Mapping
from typing import Final

COUNT_LIMIT: Final = 20
TOTAL_LIMIT: Final = 8 * 1024
MASK: Final = "********"

NAME_PATTERN: Final = r"[A-Za-z0-9!#$%&'*+.^_|~-]{1,64}"
VALUE_PATTERN: Final = r"[\x20-\x7e\t]*"

_NAME: Final = re.compile(NAME_PATTERN)
_VALUE: Final = re.compile(VALUE_PATTERN)
_RESERVED: Final = frozenset(
    {
        *("accept-encoding", "connection", "expect", "forwarded", "host", "keep-alive", "via"),
        *("te", "trailer", "transfer-encoding", "upgrade", "user-agent", "x-real-ip"),
        *("cookie", "traceparent", "tracestate", "metadata", "metadata-flavor"),
    }
)
_RESERVED_PREFIXES: Final = (
    *("content-", "proxy-", "x-forwarded-", "signature"),
    *("webhook-", "ringback-", "x-ringback-", "ce-"),
    *("x-aws-ec2-metadata-token", "x-google-"),  # they open metadata services
)


class InvalidHeaderError(ValueError):
    """A header that an endpoint may not bring; `reason` is safe to show."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name!r}: {reason}")
        self.name = name
        self.reason = reason


def check_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with trimmed values; raise `InvalidHeaderError` for the first that is not allowed.

    At most 20 headers of 8 KiB in all, names and values together. Framing and hop-by-hop headers
    (RFC 9110, 7.6.1), those that forge a sender or a signature and those that open metadata services
    are refused; `Authorization` is allowed.
    """
    checked: dict[str, str] = {}
    for name, value in headers.items():
        _check_name(name)
        if name.lower() in {seen.lower() for seen in checked}:
            raise InvalidHeaderError(name, "is there twice")
        checked[name] = _checked_value(name, value)
        _check_room(name, checked)
    return checked


def mask(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with every value replaced by `MASK`."""
    return dict.fromkeys(headers, MASK)


def unmask(patched: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Return the patched headers with masked values replaced by the stored ones.

    Raises `InvalidHeaderError` for a masked value with nothing stored under its name, in any case.
    """
    known = {name.lower(): value for name, value in stored.items()}
    for name, value in patched.items():
        if value == MASK and name.lower() not in known:
            raise InvalidHeaderError(name, "has a masked value, but there is none to keep")
    return {name: known[name.lower()] if value == MASK else value for name, value in patched.items()}


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidHeaderError(name[:64], "is not a header name")
    if name.lower() in _RESERVED or name.lower().startswith(_RESERVED_PREFIXES):
        raise InvalidHeaderError(name, "is reserved")


def _checked_value(name: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise InvalidHeaderError(name, "has a value that is not visible ASCII")
    return value.strip(" \t")


def _check_room(name: str, headers: Mapping[str, str]) -> None:
    if len(headers) > COUNT_LIMIT:
        raise InvalidHeaderError(name, f"is one more than the {COUNT_LIMIT} that are allowed")
    if sum(len(key) + len(value) for key, value in headers.items()) > TOTAL_LIMIT:
        raise InvalidHeaderError(name, f"exceeds the {TOTAL_LIMIT} bytes that all may have")
