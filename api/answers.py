"""Answers whose bytes are made here: a single thing with its ETag, a list with its cursor."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from fastapi import Request, Response

from api.paging import Identified, Page

T = TypeVar("T", bound=Identified)
JSON: Final = "application/json"
_SAFE: Final = frozenset({"GET", "HEAD"})


class Ready(Response):
    """An answer in JSON whose bytes are all there: its headers cost nothing but their list."""

    def __init__(self, body: bytes, status: int, *more: tuple[bytes, bytes]) -> None:
        self.body = body
        self.status_code = status
        self.background = None
        self.raw_headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json"), *more]


def single(
    request: Request, document: object, *, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return one thing with a strong ETag made from its bytes (RFC 9110, section 8.8), or 304."""
    return tagged(request, msgspec.json.encode(document), status=status, headers=headers)


def tagged(
    request: Request, body: bytes, *, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON bytes with their ETag, or 304 to a `GET` if the client has them; a 304 keeps the other headers."""
    tag = _tag(body)
    more = {**(headers or {}), "ETag": tag, "Cache-Control": "private, no-cache"}
    if request.method in _SAFE and _has(request.headers.get("if-none-match"), tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=more)
    return Response(body, status, more, media_type=JSON)


def listed(
    request: Request, page: Page, found: Sequence[T], document: Callable[[T], object], *, beyond: UUID | None = None
) -> Response:
    """Return a page of things whose documents hold JSON that stays as it is, with the cursor after it (`Page.cut`)."""
    links = Response()
    items, cursor = page.cut(found, request, links, beyond=beyond)
    body = msgspec.json.encode({"data": [document(one) for one in items], "next_cursor": cursor})
    more = {name: value for name, value in links.headers.items() if name == "link"}
    return Response(body, headers=more, media_type=JSON)


def is_expected(request: Request, document: object) -> bool:
    """Tell whether `If-Match` allows a change of the thing that this document shows (RFC 9110, section 13.1.1)."""
    wanted = request.headers.get("if-match")
    return wanted is None or wanted.strip() == "*" or _tag(msgspec.json.encode(document)) in _tags(wanted)


def _tag(body: bytes) -> str:
    return f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"'


def _tags(header: str) -> set[str]:
    return {part.strip() for part in header.split(",")}


def with_etag(request: Request, response: Response) -> Response:
    """Give a JSON answer its ETag, unless it has one; what else it says of caching stays."""
    plain = response.status_code == HTTPStatus.OK and response.headers.get("content-type") == JSON
    if not plain or "etag" in response.headers:
        return response
    kept = {name: value for name, value in response.headers.items() if name not in {"content-length", "content-type"}}
    made = tagged(request, bytes(response.body), headers=kept)
    if "cache-control" in kept:
        made.headers["Cache-Control"] = kept["cache-control"]
    return made


def _has(wanted: str | None, tag: str) -> bool:
    """Compare weakly (RFC 9110, section 13.1.2)."""
    if wanted is None:
        return False
    return wanted.strip() == "*" or tag in {part.removeprefix("W/") for part in _tags(wanted)}
