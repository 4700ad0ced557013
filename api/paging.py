"""Cursors: opaque, bound to the tenant and the list that they came from."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, TypeVar
from uuid import UUID

from fastapi import Request, Response

from api.errors import ProblemError
from core.model.errors import NotFoundError

T = TypeVar("T")
Item = TypeVar("Item", bound="Identified")
_NOBODY: Final = UUID(int=0)
_ID: Final = 16
_CHECK: Final = 4


def pack_cursor(last: bytes, kind: str, tenant_id: UUID | None) -> str:
    """Return the cursor of a list of this kind that goes on after `last`."""
    named = (tenant_id or _NOBODY).bytes + last
    return base64.urlsafe_b64encode(named + _check(named, kind)).decode().rstrip("=")


def unpack_cursor(text: str, kind: str, tenant_id: UUID | None) -> bytes:
    """Read a cursor: 400 if it is none of this list's, `NotFoundError` if it is another tenant's.

    Anybody can make one: what it goes on after is the client's word, and has to be checked.
    """
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    named = raw[:-_CHECK]
    if len(named) <= _ID or _check(named, kind) != raw[-_CHECK:]:
        raise no_cursor()
    if named[:_ID] != (tenant_id or _NOBODY).bytes:
        raise NotFoundError("cursor")
    return named[_ID:]


def no_cursor() -> ProblemError:
    """Return the answer to what is no cursor of the list that is asked for."""
    return ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", "The cursor is not one of this list.")


def encode_cursor(last: UUID, prefix: str, tenant_id: UUID | None) -> str:
    """Return the cursor after this item."""
    return pack_cursor(last.bytes, prefix, tenant_id)


def decode_cursor(text: str, prefix: str, tenant_id: UUID | None) -> UUID:
    """Do as `unpack_cursor`, for a list that is ordered by ID."""
    last = unpack_cursor(text, prefix, tenant_id)
    if len(last) != _ID:
        raise no_cursor()
    return UUID(bytes=last)


def _check(named: bytes, kind: str) -> bytes:
    return hashlib.blake2s(named, digest_size=_CHECK, person=kind.encode()).digest()


def cut(
    found: Sequence[T],
    limit: int,
    cursor_of: Callable[[T], str],
    request: Request,
    response: Response,
    *,
    beyond: str | None = None,
) -> tuple[Sequence[T], str | None]:
    """Return the page and the cursor after it, given one item more than the page holds.

    `beyond` is the cursor of a page that is not full although the list goes on. `Link` (RFC 8288) says what the cursor
    says.
    """
    items = found[:limit]
    cursor = cursor_of(items[-1]) if len(found) > limit else beyond
    if cursor is None:
        return items, None
    url = request.url.include_query_params(cursor=cursor)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
    return items, cursor


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

    def cut(
        self, found: Sequence[Item], request: Request, response: Response, *, beyond: UUID | None = None
    ) -> tuple[Sequence[Item], str | None]:
        """See `cut`; `beyond` is the ID below which the list goes on."""
        after = None if beyond is None else self._cursor(beyond)
        return cut(found, self.limit, lambda one: self._cursor(one.id), request, response, beyond=after)

    def _cursor(self, last: UUID) -> str:
        return encode_cursor(last, self.prefix, self.tenant_id)
