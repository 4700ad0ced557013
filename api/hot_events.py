"""Accepting events, in front of FastAPI: nearly all requests are plain JSON of a known length, and go the short way.

```
headers ──► JSON, its length told, no CloudEvent? ──► yes: who calls, body, wish ──► accept ──► 202
                                                 └──► no: the same, by the functions of the routes
```
"""

from collections.abc import Mapping
from typing import Final

from fastapi import Request, Response
from starlette.requests import ClientDisconnect

from api.batches import BATCH_TYPES, batch_of, read_batch
from api.bodies import BATCH_LIMIT, BATCH_PATH, BODY_LIMIT, check_body, check_query, too_large
from api.cloud_events import MARKS
from api.deps import TenantCaller, get_acceptance, get_caller, let_in, let_through, scoped
from api.idempotency import key_of
from api.incoming import MEDIA_TYPES, read_incoming, read_plain
from api.routes.events import accept_batch, accept_event, answer_to_batch, answer_to_event
from core.intake.dedupe import RequestKey

EVENTS_PATH: Final = "/v1/events"
_SCOPE: Final = "events:write"
_LENGTH_DIGITS: Final = 8  # more than the longest body has

_sender: Final = scoped(_SCOPE)
_Headers = Mapping[bytes, bytes]


async def accept_hot(request: Request) -> Response:
    """Answer `POST /v1/events`."""
    headers = _first_of_each(request)
    if headers.get(b"content-type") != b"application/json" or not _is_ordinary(request, headers, BODY_LIMIT):
        return await _accept(request)
    caller = await _caller(request, headers)
    body = await _body(request, BODY_LIMIT)
    wish = read_plain(body)
    key = _key(headers, caller, EVENTS_PATH, body)
    acceptance = await get_acceptance(request)
    return answer_to_event(await acceptance.accept(caller.tenant_id, wish, key=key))


async def accept_hot_batch(request: Request) -> Response:
    """Answer `POST /v1/events/batch`."""
    headers = _first_of_each(request)
    media_type = headers.get(b"content-type", b"").decode("latin-1")
    if media_type not in BATCH_TYPES or not _is_ordinary(request, headers, BATCH_LIMIT):
        return await _accept_batch(request)
    caller = await _caller(request, headers)
    batch = await batch_of(await _body(request, BATCH_LIMIT), media_type)
    key = _key(headers, caller, BATCH_PATH, batch.compared)
    acceptance = await get_acceptance(request)
    return answer_to_batch(*await acceptance.accept_all(caller.tenant_id, batch.wishes, key=key))


async def _accept(request: Request) -> Response:
    check_query(request)
    check_body(request, MEDIA_TYPES)
    headers = request.headers
    return await accept_event(
        request,
        await _sender(await get_caller(request, None, headers.get("ringback-tenant"))),
        await read_incoming(request),
        await get_acceptance(request),
        idempotency_key=headers.get("idempotency-key"),
    )


async def _accept_batch(request: Request) -> Response:
    check_query(request)
    check_body(request, BATCH_TYPES)
    headers = request.headers
    return await accept_batch(
        request,
        await _sender(await get_caller(request, None, headers.get("ringback-tenant"))),
        await read_batch(request),
        await get_acceptance(request),
        idempotency_key=headers.get("idempotency-key"),
    )


def _first_of_each(request: Request) -> _Headers:
    """Return the headers; of two with one name the first, as Starlette has it."""
    headers: list[tuple[bytes, bytes]] = request.scope["headers"]
    return dict(reversed(headers))


def _is_ordinary(request: Request, headers: _Headers, limit: int) -> bool:
    length = headers.get(b"content-length", b"")
    return (
        not request.scope["query_string"]
        and length.isdigit()
        and len(length) <= _LENGTH_DIGITS
        and int(length) <= limit
        and b"content-encoding" not in headers
        and MARKS.isdisjoint(headers)
    )


async def _caller(request: Request, headers: _Headers) -> TenantCaller:
    caller = await let_in(request, _text(headers, b"authorization"), _text(headers, b"ringback-tenant"))
    return let_through(caller, _SCOPE)


def _key(headers: _Headers, caller: TenantCaller, path: str, compared: bytes) -> RequestKey | None:
    header = _text(headers, b"idempotency-key")
    return None if header is None else key_of(header, caller.tenant_id, method="POST", path=path, compared=compared)


def _text(headers: _Headers, name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def _body(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:  # a server that does not hold the client to the length that it told
            raise too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
