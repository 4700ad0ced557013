"""The hot routes: what comes most is answered in front of FastAPI's machinery, which costs more than the work itself.

The same functions, bodies, limits and errors as behind it: a hot route only resolves by hand what its function asks
for. FastAPI keeps the function for the OpenAPI document, where its parameters are described.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.bodies import FORM, JSON, StrictRequest, check_body
from api.deps import get_acceptance, get_caller, get_state, get_submissions, get_watcher, scoped
from api.errors import error_answer
from api.incoming import MEDIA_TYPES, read_incoming
from api.routes.events import accept_event
from api.routes.tasks import submit_task
from api.submissions import read_submission

_writer: Final = scoped("tasks:write")
_sender: Final = scoped("events:write")


async def _submit(request: Request) -> Response:
    check_body(request, (JSON, FORM))
    headers = request.headers
    return await submit_task(
        request,
        await _writer(await get_caller(request, None, headers.get("ringback-tenant"))),
        await read_submission(request),
        await get_state(request),
        await get_submissions(request),
        await get_watcher(request),
        prefer=headers.get("prefer"),
        traceparent=headers.get("traceparent"),
        idempotency_key=headers.get("idempotency-key"),
    )


async def _accept(request: Request) -> Response:
    check_body(request, MEDIA_TYPES)
    headers = request.headers
    return await accept_event(
        request,
        await _sender(await get_caller(request, None, headers.get("ringback-tenant"))),
        await read_incoming(request),
        await get_acceptance(request),
        idempotency_key=headers.get("idempotency-key"),
    )


_HOT: Final[Mapping[tuple[str, str], Callable[[Request], Awaitable[Response]]]] = {
    ("POST", "/v1/tasks"): _submit,
    ("POST", "/v1/events"): _accept,
}


class HotRoutes:
    """Answers the hot routes and leaves the rest to the app behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app: Final = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        answer = _HOT.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if answer is None:
            await self._app(scope, receive, send)
            return
        scope["ringback.route"] = scope["path"]
        request = StrictRequest(scope, receive)
        try:
            response = await answer(request)
        except Exception as error:  # noqa: BLE001 - as Starlette does: each has its answer, the last one a 500
            response = error_answer(request, error)
        await response(scope, receive, send)
