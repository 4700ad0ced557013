"""Request bodies: JSON only, strict, never deeper than 64 levels."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from api.errors import ProblemError
from core.model.json_value import JsonValue

DEPTH_LIMIT: Final = 64
BODY_LIMIT: Final = 1024 * 1024
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Handler = Callable[[Request], Coroutine[None, None, Response]]


def parse_json(body: bytes) -> JsonValue:
    """Read JSON (RFC 8259); raise a 400 for NaN, lone surrogates, a BOM, bad UTF-8 or what is too deep."""
    try:
        value: JsonValue = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-json", "The body is not JSON in UTF-8.") from None
    if _depth_exceeds(value, DEPTH_LIMIT):
        detail = f"The body is nested deeper than {DEPTH_LIMIT} levels."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-json", detail)
    return value


def _depth_exceeds(value: JsonValue, limit: int) -> bool:
    """Tell whether arrays and objects lie deeper in each other than that; an empty one counts as well."""
    level = [value]
    for _ in range(limit):
        level = [child for one in level for child in _inner(one)]
        if not level:
            return False
    return True


def _inner(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return [child for child in value.values() if isinstance(child, dict | list)]
    return [child for child in value if isinstance(child, dict | list)] if isinstance(value, list) else []


class StrictRequest(Request):
    """A request whose JSON is read strictly, and no further than the limit.

    FastAPI's own limit answers 413 in plain text and without a request ID, outside of every middleware.
    """

    async def stream(self) -> AsyncGenerator[bytes]:
        """Read the body piece by piece; raise a 413 as soon as it is over the limit, whatever length was told."""
        size = 0
        async for chunk in super().stream():
            size += len(chunk)
            if size > BODY_LIMIT:
                raise too_large()
            yield chunk

    async def json(self) -> JsonValue:
        """Return the body's value, read once."""
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads bodies strictly and refuses other media types."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler."""
        handler = super().get_route_handler()
        expects_json = self.body_field is not None

        async def handle(request: Request) -> Response:
            if expects_json and request.method in _WITH_BODY:
                _check_media_type(request)
                _check_length(request)
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def _check_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" or "content-encoding" in request.headers:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Send application/json, not encoded."
        )


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BODY_LIMIT:
        raise too_large()


def too_large() -> ProblemError:
    """Return the answer to a body over the limit."""
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"The body is over {BODY_LIMIT} bytes.")
