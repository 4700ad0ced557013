"""Request bodies: strict, never over their limit, JSON never deeper than 64 levels."""

import re
from collections.abc import AsyncGenerator, Callable, Collection, Coroutine
from http import HTTPStatus
from typing import Final, TypeVar

import msgspec
from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from api.answers import with_etag
from api.auth import Caller
from api.deps import get_caller, let_in_once
from api.errors import ClientLeftError, ProblemError
from api.holdings import SHORT, holdings_of
from api.idempotency import get_once, mark_replay
from core.model.errors import FieldError, InvalidInputError
from core.model.json_value import JsonValue

T = TypeVar("T")
R = TypeVar("R")

DEPTH_LIMIT: Final = 64
BODY_LIMIT: Final = 1024 * 1024
FILE_LIMIT: Final = 10 * 1024 * 1024
JSON: Final = "application/json"
MERGE_PATCH: Final = "application/merge-patch+json"
FORM: Final = "multipart/form-data"
BATCH_LIMIT: Final = 16 * 1024 * 1024
STEP: Final = 1024 * 1024
"""Bytes of a body for which room is taken at a time, if its length is not told."""
LONG: Final = 256 * 1024
"""Bytes from which on a thread reads what it takes long to read, so that nobody else waits for it."""
BATCH_PATH: Final = "/v1/events/batch"
_LIMITS: Final = {FORM: FILE_LIMIT + BODY_LIMIT}
_CONTAINERS: Final = (dict, list)  # `dict | list` would be made anew for each value
_PLACE: Final = re.compile(r"byte \d+")
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})

Handler = Callable[[Request], Coroutine[None, None, Response]]


def parse_json(body: bytes) -> JsonValue:
    """Read JSON (RFC 8259); raise a 400 for NaN, lone surrogates, a BOM, bad UTF-8 or what is too deep."""
    try:
        value: JsonValue = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(body, error) from None
    if is_deep(body, value):
        detail = f"The body is nested deeper than {DEPTH_LIMIT} levels."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "invalid-json", detail)
    return value


def malformed(body: bytes, error: Exception) -> ProblemError:
    """Return the answer to a body that is no JSON, given why it could not be read."""
    where = _PLACE.search(str(error))
    empty = "The body is empty; send JSON in UTF-8."
    detail = f"The body is not JSON in UTF-8{f', at {where[0]}' if where else ''}." if body else empty
    return ProblemError(HTTPStatus.BAD_REQUEST, "invalid-json", detail)


def is_deep(written: bytes, value: JsonValue, limit: int = DEPTH_LIMIT) -> bool:
    """Tell whether arrays and objects lie deeper in each other than that, given a document and what it means."""
    return written.count(b"[") + written.count(b"{") > limit and _depth_exceeds(value, limit)


def _depth_exceeds(value: JsonValue, limit: int) -> bool:
    """Tell whether arrays and objects lie deeper in each other than that; an empty one counts as well."""
    level: list[Collection[JsonValue]] = [[value]]
    for _ in range(limit + 1):
        inner = [one for members in level for one in members if isinstance(one, _CONTAINERS)]
        if not inner:
            return False
        level = [one.values() if isinstance(one, dict) else one for one in inner]
    return True


def hold_told(request: Request) -> int:
    """Have a process hold the body of a request before it comes; return for how many bytes of it there is room.

    Raises `UnavailableError` if there is none for as many as the request tells.
    """
    told = request.headers.get("content-length", "")
    length = int(told) if told.isdecimal() else 0
    if length > SHORT:
        holdings_of(request.app).hold_body(request.scope, length)
    return max(length, SHORT)


class StrictRequest(Request):
    """A request whose body is read strictly, and no further than the limit of its media type.

    FastAPI's own limit answers 413 in plain text and without a request ID, outside of every middleware.
    """

    async def stream(self) -> AsyncGenerator[bytes]:
        """Read the body piece by piece; raise a 413 as soon as it is over the limit, whatever length was told.

        Raises `ClientLeftError` if the client hangs up before its end, `UnavailableError` if there is no room for it.
        """
        size, limit, held = 0, _limit_of(self), hold_told(self)
        try:
            async for chunk in super().stream():
                size += len(chunk)
                if size > limit:
                    raise too_large(limit)
                while size > held:
                    holdings_of(self.app).hold_body(self.scope, STEP)
                    held += STEP
                yield chunk
        except ClientDisconnect:
            raise ClientLeftError from None

    async def json(self) -> JsonValue:
        """Return the body's value, read once."""
        return parse_json(await self.body())


class StrictRoute(APIRoute):
    """A route that reads bodies strictly, refuses other media types, and says of a replay that it is one."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler."""
        handler = super().get_route_handler()
        accepted, single = self._media_types(), self._is_single()
        optional = self.body_field is not None and not self.body_field.field_info.is_required()
        guarded, keyed = _depends_on(self.dependant, get_caller), _depends_on(self.dependant, get_once)

        async def handle(request: Request) -> Response:
            if guarded:  # before anything of the request is looked at, which whoever may not call has no business in
                await let_in_once(request)
            check_query(request)
            if accepted and request.method in _WITH_BODY and not (optional and _is_bare(request)):
                check_body(request, accepted)
            strict = StrictRequest(request.scope, request.receive)
            if keyed and "idempotency-key" in request.headers:  # no transaction is open while a client takes its time
                await strict.body()
            response = await handler(strict)
            mark_replay(request, response)
            return with_etag(request, response) if single else response

        return handle

    def _is_single(self) -> bool:
        """Tell whether it reads one thing: its answers carry an ETag."""
        return "GET" in (self.methods or ()) and "next_cursor" not in getattr(self.response_model, "model_fields", {})

    def _media_types(self) -> tuple[str, ...]:
        """Return what the route's description says that it takes; nothing if it takes no body."""
        described = (self.openapi_extra or {}).get("requestBody")
        if described is None:
            return () if self.body_field is None else (JSON,)
        return tuple(described["content"])


def _depends_on(dependant: Dependant, call: Callable[..., object]) -> bool:
    return any(one.call is call or _depends_on(one, call) for one in dependant.dependencies)


def _is_bare(request: Request) -> bool:
    """Tell whether a request says that it has no body (RFC 9112, section 6.3)."""
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


def merge_patch_of(model: type[BaseModel]) -> dict[str, object]:
    """Describe the body of a `PATCH`: a merge patch, which may call itself plain JSON."""
    schema = {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}
    return {"requestBody": {"required": True, "content": {MERGE_PATCH: schema, JSON: schema}}}


def merging(apply: Callable[[T], R]) -> Callable[[T], R]:
    """Have a merge whose outcome is not valid refused as a body that is not."""

    def merge(present: T) -> R:
        try:
            return apply(present)
        except ValidationError as error:
            told = error.errors(include_url=False)
            raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in told]) from None

    return merge


def check_query(request: Request) -> None:
    """Raise a 422 for a NUL, which no text of the API holds and no store keeps."""
    query: bytes = request.scope["query_string"]
    if b"%00" in query or b"\x00" in query:
        named = (name for name, value in request.query_params.multi_items() if "\x00" in name + value)
        raise InvalidInputError(*(FieldError(f"/{name}", "It holds a character that is not kept.") for name in named))


def media_type_of(request: Request) -> str:
    """Return the media type that the request names, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _limit_of(request: Request) -> int:
    if request.url.path == BATCH_PATH:
        return BATCH_LIMIT
    return _LIMITS.get(media_type_of(request), BODY_LIMIT)


def check_body(request: Request, accepted: tuple[str, ...], *, also: bool = False) -> None:
    """Raise a 415 for a media type that is not accepted, unless it is `also`, a 413 for a length over its limit."""
    if not (also or media_type_of(request) in accepted) or "content-encoding" in request.headers:
        detail = f"Send {' or '.join(accepted)}, not encoded."
        raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    _check_length(request)


async def checked_caller(request: Request, accepted: tuple[str, ...], *, also: bool = False) -> Caller:
    """Find out who calls, and only then look at the query, the media type and the length; see `check_body`."""
    caller = await let_in_once(request)
    check_query(request)
    check_body(request, accepted, also=also)
    return caller


def _check_length(request: Request) -> None:
    length, limit = request.headers.get("content-length", ""), _limit_of(request)
    if length.isdecimal() and int(length) > limit:
        raise too_large(limit)


def too_large(limit: int) -> ProblemError:
    """Return the answer to a body, or a file, over its limit in bytes."""
    return ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", f"It is over {limit} bytes.")
