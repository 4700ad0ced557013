"""The Idempotency-Key header (IETF draft -07): quoted or bare, 1 to 255 characters, kept for 24 hours.

A route of a `StrictRoute` router takes part by one parameter, which it hands to core:

```python
async def pause(endpoint: str, registrar: RegistrarDep, caller: Writer, once: OnceDep) -> EndpointOut:
    return shown(await registrar.pause(caller.tenant_id, parse(endpoint), once))
```

`core.once` says what core does with it. A route packs the answer of a replay as it does the first one's; its status and
`Idempotent-Replayed: true` are put on afterwards, here. Secrets that cannot be told twice (an API key) are `null` then.
"""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Response

from api.deps import CallerDep, StateDep
from api.errors import ProblemError
from core.intake.dedupe import KEY_LENGTH, OPERATOR, OncePerKey, RequestKey, look
from core.model.ids import TenantId
from core.once import EVERY_TIME, OnceInParts

REPLAYED: Final = {"Idempotent-Replayed": "true"}
_ONCE: Final = "ringback.once"

KEY_PATTERN: Final = rf'^("[ -~]{{1,{KEY_LENGTH}}}"|(?!".*"$)[!-~]([ -~]{{0,{KEY_LENGTH - 2}}}[!-~])?)$'
"""What `request_key` takes: quoted, or bare without space at its ends."""

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        json_schema_extra={"pattern": KEY_PATTERN, "example": "8e03978e-40d5-43dd-bc93-6894a57f9324"},
        description="Quoted or bare; the same key and body give the first answer again, for 24 hours.",
    ),
]


def request_key(
    request: Request, tenant_id: TenantId, header: str | None, *, compared: bytes, owner: str | None = None
) -> RequestKey | None:
    """Read the key of a request; `compared` is what has to be the same when it is sent again.

    Raises a 400 for one that is empty, too long or not visible ASCII.
    """
    if header is None:
        return None
    return key_of(header, tenant_id, method=request.method, path=request.url.path, compared=compared, owner=owner)


def key_of(
    header: str, tenant_id: TenantId, *, method: str, path: str, compared: bytes, owner: str | None = None
) -> RequestKey:
    """Read the header of a request; see `request_key`."""
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        detail = f"An Idempotency-Key has 1 to {KEY_LENGTH} visible ASCII characters."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail)
    return RequestKey.of(tenant_id, method=method, path=path, key=key, body=compared, owner=owner)


async def get_once(request: Request, caller: CallerDep, state: StateDep, header: KeyHeader = None) -> OnceInParts:
    """Return the request with its key, and what it was answered before; one without a key is done every time.

    `StrictRoute` has read the body before anything that a route asks for, a transaction perhaps, was opened.
    """
    body = b"" if header is None else await request.body()
    key = request_key(request, caller.tenant_id or OPERATOR, header, compared=body, owner=caller.owner)
    if key is None:
        return EVERY_TIME
    async with state.database.engine() as tx:  # not the tenant's pool: the route may hold a connection of that already
        kept = await look(tx, key)
    route: object = request.scope.get("route")
    status = getattr(route, "status_code", None) or HTTPStatus.OK
    once = request.scope[_ONCE] = OncePerKey(key, status=int(status), kept=kept)
    return once


OnceDep = Annotated[OnceInParts, Depends(get_once)]


def mark_replay(request: Request, response: Response) -> None:
    """Put on an answer that it was given before, if it was."""
    once: object = request.scope.get(_ONCE)
    if isinstance(once, OncePerKey) and once.kept is not None:
        response.status_code = once.kept.status
        response.headers.update(REPLAYED)
