"""The Idempotency-Key header (IETF draft -07): quoted or bare, 1 to 255 characters, kept for 24 hours."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import Header, Request

from api.errors import ProblemError
from core.intake.dedupe import KEY_LENGTH, RequestKey
from core.model.ids import TenantId

REPLAYED: Final = {"Idempotent-Replayed": "true"}

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Quoted or bare; the same key and body give the first answer again, for 24 hours.",
    ),
]


def request_key(request: Request, tenant_id: TenantId, header: str | None, *, compared: bytes) -> RequestKey | None:
    """Read the key of a request; `compared` is what has to be the same when it is sent again.

    Raises a 400 for one that is empty, too long or not visible ASCII.
    """
    if header is None:
        return None
    key = header.strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = key[1:-1]
    if not 1 <= len(key) <= KEY_LENGTH or not key.isascii() or not key.isprintable():
        detail = f"An Idempotency-Key has 1 to {KEY_LENGTH} visible ASCII characters."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "bad-request", detail)
    return RequestKey.of(tenant_id, method=request.method, path=request.url.path, key=key, body=compared)
