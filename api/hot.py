"""The hot routes: what comes most is answered in front of FastAPI's machinery, which costs more than the work itself.

The same checks, bodies, limits and errors as behind it: a hot route only resolves by hand what its function asks for.
FastAPI keeps the function for the OpenAPI document, where its parameters are described.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from api.bodies import BATCH_PATH, FORM, JSON, StrictRequest, checked_caller
from api.deps import get_state, get_submissions, get_watcher, scoped
from api.errors import error_answer
from api.holdings import let_go
from api.hot_events import EVENTS_PATH, accept_hot, accept_hot_batch
from api.middleware import join_lists, log_request, name_request
from api.openapi import Api
from api.pieces import in_pieces
from api.routes.tasks import submit_task
from api.submissions import read_submission
from core import clock

_writer: Final = scoped("tasks:write")


async def _submit(request: Request) -> Response:
    join_lists(request.scope)
    headers = request.headers
    caller = await checked_caller(request, (JSON, FORM))
    return await submit_task(
        request,
        await _writer(caller),
        await read_submission(request),
        await get_state(request),
        await get_submissions(request),
        await get_watcher(request),
        prefer=headers.get("prefer"),
        traceparent=headers.get("traceparent"),
        idempotency_key=headers.get("idempotency-key"),
    )


_HOT: Final[Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]]] = {
    ("POST", "/v1/tasks"): _submit,
    ("POST", EVENTS_PATH): accept_hot,
    ("POST", BATCH_PATH): accept_hot_batch,
}


class HotApi(Api):
    """An app that answers the hot routes before anything else of it is asked."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answer = _HOT.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        try:
            if answer is None:
                await super().__call__(scope, receive, send)
            else:
                await self._answer(answer, scope, receive, send)
        finally:
            let_go(scope)

    async def _answer(
        self, answer: Callable[[Request], Awaitable[Response]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        scope["app"] = self
        scope["ringback.route"] = scope["path"]
        request_id, started, status = name_request(scope), clock.monotonic(), 0
        request = StrictRequest(scope, receive)
        try:
            response = await _answered(answer, request)
            response.raw_headers.append((b"x-request-id", request_id.encode()))
            status = response.status_code
            await response(scope, receive, in_pieces(scope, receive, send))
        finally:
            log_request(scope, status, started)


async def _answered(answer: Callable[[Request], Awaitable[Response]], request: Request) -> Response:
    try:
        return await answer(request)
    except Exception as error:  # noqa: BLE001 - as Starlette does: each has its answer, the last one a 500
        return error_answer(request, error)
