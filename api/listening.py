"""What answers that last have in common: they wait, and all of them end with the key that asked for them."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from api.auth import BELIEVED_FOR
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


class Listener:
    """Whoever opened a stream or waits for an answer, for as long as it would be let in."""

    def __init__(self, request: Request) -> None:
        """Believe that it was let in just now."""
        self._request: Final = request
        self._let_in_at = clock.monotonic()

    async def may_listen(self) -> bool:
        """Tell whether it is still there, and would still be let in; it is believed for a while if nobody can tell."""
        return not await self.has_left() and await self._is_let_in()

    async def may_go_on(self) -> bool:
        """Tell whether it would still be let in, as far as that is not known."""
        return clock.monotonic() - self._let_in_at < CHECKED_EVERY or await self._is_let_in()

    async def has_left(self) -> bool:
        """Tell whether it has hung up."""
        return await self._request.is_disconnected()

    async def check(self) -> None:
        """Raise what it would be refused with now, or that nobody can tell; a key is believed for two seconds."""
        headers = self._request.headers
        await sessions_of(self._request).identify(
            self._request, headers.get("authorization"), headers.get("ringback-tenant")
        )
        self._let_in_at = clock.monotonic()

    async def _is_let_in(self) -> bool:
        try:
            await self.check()
        except (ProblemError, NotFoundError, LimitReachedError):
            return False
        except (SQLAlchemyError, OSError):
            return clock.monotonic() - self._let_in_at < BELIEVED_FOR
        return True

    async def listen(self, wait: Callable[[float], Awaitable[bool]]) -> bool | None:
        """Wait for a change, `BEAT_EVERY` at most; return whether there was one, `None` once the stream has to end."""
        until = clock.monotonic() + BEAT_EVERY
        while (left := until - clock.monotonic()) > 0:
            changed = await wait(min(left, CHECKED_EVERY))
            if not await self.may_listen():
                return None
            if changed:
                return True
        return False
