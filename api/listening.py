"""What streams of Server-Sent Events have in common: they wait, and end with the key that opened them."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from api.errors import ProblemError
from api.sessions import sessions_of
from core import clock
from core.model.errors import LimitReachedError, NotFoundError

BEAT_EVERY: Final = 15.0
"""Seconds of silence after which a client is shown that the stream still stands."""
CHECKED_EVERY: Final = 2.0
"""Seconds after which a stream asks for its key again: one that is revoked stops working within five."""
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
BEAT: Final = b":\n\n"


async def may_listen(request: Request) -> bool:
    """Tell whether the client is still there, and would still be let in; so long as that cannot be asked, it is."""
    if await request.is_disconnected():
        return False
    try:
        authorization, tenant = request.headers.get("authorization"), request.headers.get("ringback-tenant")
        await sessions_of(request).identify(request, authorization, tenant)
    except (ProblemError, NotFoundError, LimitReachedError):
        return False
    except (SQLAlchemyError, OSError):
        return True
    return True


async def listen(request: Request, wait: Callable[[float], Awaitable[bool]]) -> bool | None:
    """Wait for a change, `BEAT_EVERY` at most; return whether there was one, `None` once the stream has to end."""
    until = clock.monotonic() + BEAT_EVERY
    while (left := until - clock.monotonic()) > 0:
        changed = await wait(min(left, CHECKED_EVERY))
        if not await may_listen(request):
            return None
        if changed:
            return True
    return False
