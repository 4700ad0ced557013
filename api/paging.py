"""Cursors: opaque, bound to the tenant and the list that they came from."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, TypeVar
from uuid import UUID

from fastapi import Request, Response

from api.errors import ProblemError
from core.model.errors import NotFoundError

T = TypeVar("T", bound="Identified")
_NOBODY: Final = UUID(int=0)
_LENGTH: Final = 16 + 16 + 4


def encode_cursor(last: UUID, prefix: str, tenant_id: UUID | None) -> str:
    """Return the cursor after this item."""
    named = (tenant_id or _NOBODY).bytes + last.bytes
    return base64.urlsafe_b64encode(named + _check(named, prefix)).decode().rstrip("=")


def decode_cursor(text: str, prefix: str, tenant_id: UUID | None) -> UUID:
    """Read a cursor: 400 if it is none of this list's, `NotFoundError` if it is another tenant's."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _LENGTH or _check(raw[:32], prefix) != raw[32:]:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", "The cursor is not one of this list.")
    if raw[:16] != (tenant_id or _NOBODY).bytes:
        raise NotFoundError("cursor")
    return UUID(bytes=raw[16:32])


def _check(named: bytes, prefix: str) -> bytes:
    return hashlib.blake2s(named, digest_size=4, person=prefix.encode()).digest()


class Identified(Protocol):
    """What a list holds."""

    @property
    def id(self) -> UUID:
        """By which the list is ordered."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    limit: int
    before: UUID | None
    prefix: str
    tenant_id: UUID | None

    def cut(self, found: Sequence[T], request: Request, response: Response) -> tuple[Sequence[T], str | None]:
        """Return the page and the cursor after it, given one item more than the page holds.

        `Link` (RFC 8288) says what the cursor says.
        """
        items = found[: self.limit]
        if len(found) <= self.limit:
            return items, None
        cursor = encode_cursor(items[-1].id, self.prefix, self.tenant_id)
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return items, cursor
