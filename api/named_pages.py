"""Pages of what has no ID and is ordered by its name."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Final, Protocol, TypeVar
from uuid import UUID

from fastapi import Query, Request, Response

from api.deps import CallerDep
from api.errors import ProblemError
from core.model.errors import NotFoundError

T = TypeVar("T", bound="Named")
_NOBODY: Final = UUID(int=0)
_CHECK: Final = 4


class Named(Protocol):
    """What a list holds."""

    @property
    def name(self) -> str:
        """By which the list is ordered."""
        ...


@dataclass(frozen=True, slots=True)
class NamedPage:
    """Which part of a list is wanted: what comes after that name."""

    limit: int
    after: str
    kind: str
    tenant_id: UUID | None

    def cut(self, found: Sequence[T], request: Request, response: Response) -> tuple[Sequence[T], str | None]:
        """Return the page and the cursor after it, given one item more than the page holds.

        `Link` (RFC 8288) says what the cursor says.
        """
        items = found[: self.limit]
        if len(found) <= self.limit:
            return items, None
        cursor = encode_named(items[-1].name, self.kind, self.tenant_id)
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'
        return items, cursor


def named_page(kind: str) -> Callable[..., Coroutine[None, None, NamedPage]]:
    """Return the dependency that reads `limit` and `cursor` of a list of such names."""

    async def read(
        caller: CallerDep,
        limit: Annotated[int, Query(ge=1, le=200, description="How many to return.")] = 50,
        cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    ) -> NamedPage:
        after = "" if cursor is None else decode_named(cursor, kind, caller.tenant_id)
        return NamedPage(limit, after, kind, caller.tenant_id)

    return read


def encode_named(last: str, kind: str, tenant_id: UUID | None) -> str:
    """Return the cursor after this name, of 132 bytes at most."""
    named = (tenant_id or _NOBODY).bytes + last.encode()
    return base64.urlsafe_b64encode(_check(named, kind) + named).decode().rstrip("=")


def decode_named(text: str, kind: str, tenant_id: UUID | None) -> str:
    """Read a cursor: 400 if it is none of this list's, `NotFoundError` if it is another tenant's."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raw = b""
    named = raw[_CHECK:]
    if len(named) <= len(_NOBODY.bytes) or _check(named, kind) != raw[:_CHECK]:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", "The cursor is not one of this list.")
    if named[:16] != (tenant_id or _NOBODY).bytes:
        raise NotFoundError("cursor")
    return named[16:].decode()


def _check(named: bytes, kind: str) -> bytes:
    return hashlib.blake2s(named, digest_size=_CHECK, person=kind.encode()).digest()
