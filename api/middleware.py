"""What happens to every request: an ID in, one wide log line out."""

from os import urandom
from typing import Final

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import unexpected
from api.pieces import in_pieces
from core import clock

_log: Final = structlog.stdlib.get_logger()
_QUIET: Final = frozenset({"/healthz", "/readyz"})
_LISTS: Final = frozenset({b"prefer", b"if-match", b"if-none-match"})


class RequestLog:
    """Gives each request an ID that its answer carries, and logs it when it has been answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        join_lists(scope)
        request_id = name_request(scope)
        started, status = clock.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, in_pieces(scope, receive, answer))
        except Exception as error:
            if status:
                raise
            await unexpected(Request(scope), error)(scope, receive, answer)
        finally:
            if scope["path"] not in _QUIET:
                log_request(scope, status, started)


def join_lists(scope: Scope) -> None:
    """Make one line of several lines of a header that is a list, as they mean the same (RFC 9110, section 5.3)."""
    lines: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        if name in _LISTS:
            lines.setdefault(name, []).append(value)
    if any(len(values) > 1 for values in lines.values()):
        others = [(name, value) for name, value in scope["headers"] if name not in _LISTS]
        scope["headers"] = [*others, *((name, b", ".join(values)) for name, values in lines.items())]


def name_request(scope: Scope) -> str:
    """Give a request its ID."""
    request_id = scope["ringback.request_id"] = new_request_id()
    return request_id


def new_request_id() -> str:
    """Return a UUIDv4 (RFC 9562, section 5.4), at a third of what `uuid` takes for it."""
    drawn = urandom(16).hex()
    variant = "89ab"[int(drawn[16], 16) & 3]
    return f"{drawn[:8]}-{drawn[8:12]}-4{drawn[13:16]}-{variant}{drawn[17:20]}-{drawn[20:]}"


def log_request(scope: Scope, status: int, started: float) -> None:
    """Write the line of a request that has been answered."""
    _log.info(
        "request",
        request_id=scope["ringback.request_id"],
        method=scope["method"],
        route=scope.get("ringback.route") or getattr(scope.get("route"), "path", None),
        status=status,
        ms=round((clock.monotonic() - started) * 1000, 1),
        tenant_id=scope.get("ringback.tenant_id"),
    )
