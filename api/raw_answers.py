"""Answers past uvicorn's ASGI messages: in bytes, and what takes the place of a request that has one."""

import asyncio
from collections.abc import Sequence
from typing import Final

from fastapi import Request, Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from api.errors import ProblemError, error_answer
from api.middleware import log_request, name_request
from core import clock

NOBODY_WAITS: Final = asyncio.Event()


class _Answered(RequestResponseCycle):
    """In the place of a request that was answered: uvicorn asks no more than whether it was."""

    def __init__(self) -> None:
        """Wait for nothing."""
        self.response_complete = True
        self.message_event = NOBODY_WAITS
        self.more_body = False


ANSWERED: Final = _Answered()


def refusal(default_headers: Sequence[tuple[bytes, bytes]], error: ProblemError) -> bytes:
    """Return the answer to a request that cannot be read or does not come, and log it: not even its path is known."""
    scope: dict[str, object] = {"type": "http", "method": None}
    request_id, started = name_request(scope), clock.monotonic()
    response = error_answer(Request(scope), error)
    log_request(scope, response.status_code, started)
    return written(default_headers, response, request_id, keep_alive=False)


def written(
    default_headers: Sequence[tuple[bytes, bytes]], response: Response, request_id: str, *, keep_alive: bool
) -> bytes:
    """Return a whole answer in the bytes of HTTP/1.1."""
    lines = [STATUS_LINE[response.status_code]]
    for name, value in (*default_headers, *response.raw_headers):
        lines += (name, b": ", value, b"\r\n")
    lines += (b"x-request-id: ", request_id.encode(), b"\r\n")
    lines += (b"\r\n" if keep_alive else b"connection: close\r\n\r\n", bytes(response.body))
    return b"".join(lines)
