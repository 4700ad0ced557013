"""What clients may have a process hold: long bodies until they are answered, long answers until they are taken.

Of either a tenant may hold as much as it leaves to the others; all who have none count as one.
"""

from collections.abc import Generator, Hashable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI
from starlette.types import Scope

from core.intake.shared import Room

SHORT: Final = 64 * 1024
"""Bytes that count for nothing: each connection has as many in uvicorn's buffers."""
BODIES: Final = 64 * 1024 * 1024
ANSWERS: Final = 64 * 1024 * 1024
_BODY: Final = "ringback.body"
_ANSWER: Final = "ringback.answer"


@dataclass(slots=True)
class _Shared:
    what: object
    room: ExitStack = field(default_factory=ExitStack)
    readers: int = 0


class Holdings:
    """How much of bodies and answers is held, by tenant."""

    def __init__(self, *, bodies: int = BODIES, answers: int = ANSWERS) -> None:
        """Hold nothing yet; so many bytes at the most."""
        self._bodies: Final = Room(count=bodies // SHORT, size=bodies)
        self._answers: Final = Room(count=answers // SHORT, size=answers)
        self._shared: Final[dict[Hashable, _Shared]] = {}

    def hold_body(self, scope: Scope, size: int) -> None:
        """Hold so many bytes of a request's body, more if some are held; raise `UnavailableError` if there is no room.

        They are held until `let_go_of_body`, at the latest until the request has been answered.
        """
        held: ExitStack = scope.setdefault(_BODY, ExitStack())
        held.enter_context(self._bodies.take(_tenant(scope), size))

    def hold_answer(self, scope: Scope, size: int, what: Hashable) -> None:
        """Hold an answer of so many bytes until it has been sent; raise `UnavailableError` if there is no room.

        What several are sent counts once: the very same bytes, or what goes by the same name. A request that holds its
        answer already holds nothing more.
        """
        if _ANSWER not in scope:
            with ExitStack() as held:
                held.enter_context(self.sending(scope, size, what))
                scope[_ANSWER] = held.pop_all()

    def check_answers(self, tenant: Hashable, size: int) -> None:
        """Raise `UnavailableError` if there is no room for an answer of so many bytes."""
        with self._answers.take(tenant, size):
            pass

    @contextmanager
    def sending(self, scope: Scope, size: int, what: Hashable) -> Generator[None]:
        """Do the same for as long as a part of an answer is sent."""
        key = id(what) if isinstance(what, bytes) else what
        shared = self._shared.get(key)
        if shared is None:
            shared = _Shared(what)
            shared.room.enter_context(self._answers.take(_tenant(scope), size))
            self._shared[key] = shared
        shared.readers += 1
        try:
            yield
        finally:
            shared.readers -= 1
            if not shared.readers:
                del self._shared[key]
                shared.room.close()


def holdings_of(app: FastAPI) -> Holdings:
    """Return what the clients of this process hold."""
    holdings: object = app.state.holdings
    assert isinstance(holdings, Holdings)
    return holdings


def let_go_of_body(scope: Scope) -> None:
    """Hold a request's body no more: nobody will read it."""
    _close(scope, _BODY)


def let_go(scope: Scope) -> None:
    """Hold nothing more of a request."""
    _close(scope, _BODY)
    _close(scope, _ANSWER)


def _tenant(scope: Scope) -> Hashable:
    return scope.get("ringback.tenant_id")


def _close(scope: Scope, name: str) -> None:
    if name in scope:
        scope[name].close()
