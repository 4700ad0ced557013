"""Accepting events, in front of FastAPI: nearly all requests are plain JSON of a known length, and go the short way.

```
headers ──► JSON, its length told, no CloudEvent? ──► yes: who calls, body, wish ──► accept ──► 202
                                                 └──► no: the same, by the functions of the routes
```
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fastapi import Request, Response

from api.auth import Caller, Keys
from api.batches import BATCH_TYPES, batch_of, read_batch
from api.bodies import BATCH_LIMIT, BATCH_PATH, BODY_LIMIT, checked_caller, hold_told, too_large
from api.cloud_events import MARKS, is_json_event
from api.deps import TenantCaller, get_acceptance, let_in, let_through, scoped
from api.errors import ClientLeftError
from api.idempotency import key_of
from api.incoming import MEDIA_TYPES, read_incoming, read_plain
from api.routes.events import accept_batch, accept_event, answer_to_batch, answer_to_event
from api.traces import all_traced, traced
from core.intake.dedupe import RequestKey
from core.model.ids import TenantId

EVENTS_PATH: Final = "/v1/events"
_SCOPE: Final = "events:write"
_LENGTH_DIGITS: Final = 8  # more than the longest body has

_sender: Final = scoped(_SCOPE)
Headers = Mapping[bytes, bytes]


async def accept_hot(request: Request) -> Response:
    """Answer `POST /v1/events`."""
    headers = first_of_each(request.scope["headers"])
    if request.scope["query_string"] or not is_plain(headers):
        return await _accept(request)
    caller = await _caller(request, headers)
    body = await _body(request, BODY_LIMIT)
    wish = traced(read_plain(body), text_in(headers, b"traceparent"))
    key = key_in(headers, caller.tenant_id, EVENTS_PATH, body)
    acceptance = await get_acceptance(request)
    return answer_to_event(await acceptance.accept(caller.tenant_id, wish, key=key))


async def accept_hot_batch(request: Request) -> Response:
    """Answer `POST /v1/events/batch`."""
    headers = first_of_each(request.scope["headers"])
    media_type = headers.get(b"content-type", b"").decode("latin-1")
    if request.scope["query_string"] or media_type not in BATCH_TYPES or not _is_ordinary(headers, BATCH_LIMIT):
        return await _accept_batch(request)
    caller = await _caller(request, headers)
    batch = await batch_of(await _body(request, BATCH_LIMIT), media_type)
    wishes = all_traced(batch.wishes, text_in(headers, b"traceparent"))
    key = key_in(headers, caller.tenant_id, BATCH_PATH, batch.compared)
    acceptance = await get_acceptance(request)
    del batch  # what was sent: a batch waits for its commit without it
    return answer_to_batch(*await acceptance.accept_all(caller.tenant_id, wishes, key=key))


async def _accept(request: Request) -> Response:
    headers = request.headers
    also = is_json_event(request.scope["headers"], headers.get("content-type"))
    caller = await checked_caller(request, MEDIA_TYPES, also=also)
    return await accept_event(
        request,
        await _sender(caller),
        await read_incoming(request),
        await get_acceptance(request),
        traceparent=headers.get("traceparent"),
        idempotency_key=headers.get("idempotency-key"),
    )


async def _accept_batch(request: Request) -> Response:
    headers = request.headers
    caller = await checked_caller(request, BATCH_TYPES)
    return await accept_batch(
        request,
        await _sender(caller),
        await read_batch(request),
        await get_acceptance(request),
        traceparent=headers.get("traceparent"),
        idempotency_key=headers.get("idempotency-key"),
    )


def first_of_each(headers: Sequence[tuple[bytes, bytes]]) -> Headers:
    """Return the headers; of two with one name the first, as Starlette has it."""
    return dict(reversed(headers))


def is_plain(headers: Headers, limit: int = BODY_LIMIT) -> bool:
    """Tell whether a request to send an event, without a query, is of the usual kind and no longer than that."""
    return headers.get(b"content-type") == b"application/json" and _is_ordinary(headers, limit)


def _is_ordinary(headers: Headers, limit: int) -> bool:
    length = headers.get(b"content-length", b"")
    return (
        length.isdigit()
        and len(length) <= _LENGTH_DIGITS
        and int(length) <= limit
        and b"content-encoding" not in headers
        and MARKS.isdisjoint(headers)
    )


def known_sender(keys: Keys, headers: Headers) -> Caller | None:
    """Return the caller, if it is clear at once that they may send events as often as they like."""
    authorization = text_in(headers, b"authorization")
    if authorization is None or b"ringback-tenant" in headers:
        return None
    caller = keys.known(authorization)
    if caller is None or caller.requests_per_second is not None:
        return None
    return caller if caller.owner is None and _SCOPE in caller.scopes else None


def key_in(headers: Headers, tenant_id: TenantId, path: str, compared: bytes) -> RequestKey | None:
    """Return the key of a request to a path, if it has one; raise a 400 for one that is malformed."""
    header = text_in(headers, b"idempotency-key")
    return None if header is None else key_of(header, tenant_id, method="POST", path=path, compared=compared)


async def _caller(request: Request, headers: Headers) -> TenantCaller:
    caller = await let_in(request, text_in(headers, b"authorization"), text_in(headers, b"ringback-tenant"))
    return let_through(caller, _SCOPE)


def text_in(headers: Headers, name: bytes) -> str | None:
    """Return the value of a header."""
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


async def _body(request: Request, limit: int) -> bytes:
    hold_told(request)
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await request.receive()
        if message["type"] != "http.request":
            raise ClientLeftError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:  # a server that does not hold the client to the length that it told
            raise too_large(limit)
        more = message.get("more_body", False)
    return parts[0] if len(parts) == 1 else b"".join(parts)
