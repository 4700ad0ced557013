"""Long answers: sent in pieces, each once the connection has taken those before it, as many as clients may have held.

An answer whose reader takes nothing is held as it was made, and counts. The connection holds a piece of it.
"""

from typing import Final

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from api.errors import error_answer
from api.holdings import holdings_of
from core.model.errors import UnavailableError

LARGE: Final = 256 * 1024
"""Bytes from which on an answer counts."""
PIECE: Final = 64 * 1024
_SAFE: Final = frozenset({"GET", "HEAD"})


def in_pieces(scope: Scope, receive: Receive, send: Send) -> Send:
    """Return what sends an answer in pieces.

    One that is large and finds no room becomes a 503, unless it tells of a change: that has been made.
    """
    started: Message | None = None
    refused = False

    async def answer(message: Message) -> None:
        nonlocal started, refused
        if message["type"] == "http.response.start" and _length(message) > LARGE:
            started = message  # what comes next may be refused yet
            return
        if refused:
            return
        if started is not None:
            start, started = started, None
            refused = not _held(scope, message)
            if refused:
                await error_answer(Request(scope), UnavailableError())(scope, receive, send)
                return
            await send(start)
        await _send(message, send)

    return answer


def _length(start: Message) -> int:
    told = Headers(raw=start["headers"]).get("content-length", "0")
    return int(told)


def _held(scope: Scope, message: Message) -> bool:
    body: bytes = message.get("body", b"")
    if message.get("more_body", False):  # it is not there as a whole
        return True
    try:
        holdings_of(scope["app"]).hold_answer(scope, len(body), body)
    except UnavailableError:
        return scope["method"] not in _SAFE
    return True


async def _send(message: Message, send: Send) -> None:
    body: bytes = message.get("body", b"")
    if len(body) <= PIECE:
        await send(message)
        return
    more = message.get("more_body", False)
    for at in range(0, len(body), PIECE):
        last = at + PIECE >= len(body)
        await send({**message, "body": body[at : at + PIECE], "more_body": more or not last})
