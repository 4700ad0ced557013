"""Cursors: opaque, bound to the tenant and the list that they came from."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

from fastapi import Request, Response

from api.errors import ProblemError
from core.model.errors import NotFoundError

T = TypeVar("T")
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


def cut(items: Sequence[T], limit: int, id_of: Callable[[T], UUID]) -> tuple[Sequence[T], UUID | None]:
    """Return a page and the ID to go on after, given one item more than the page holds."""
    page = items[:limit]
    return page, id_of(page[-1]) if len(items) > limit else None


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Say in `Link` (RFC 8288) what `next_cursor` says in the body."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
