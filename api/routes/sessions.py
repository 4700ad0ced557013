"""Sessions: how people sign in to the dashboard and the portal."""

from http import HTTPStatus
from typing import Final

from fastapi import APIRouter, Request, Response

from api.bodies import StrictRoute
from api.deps import CallerDep, StateDep
from api.opening import OpenedDep
from api.schemas.sessions import SessionOut
from api.session_views import shown_caller, shown_session
from api.sessions import cookie, no_cookie, sessions_of, token_of
from core.model.errors import NotFoundError
from core.registry.sessions import SessionRecord

_NO_STORE: Final = {"Cache-Control": "no-store"}

router = APIRouter(route_class=StrictRoute, tags=["dashboard"])


@router.post("/v1/session", status_code=HTTPStatus.CREATED)
async def sign_in(response: Response, state: StateDep, opened: OpenedDep) -> SessionOut:
    """Exchange an API key, or the token of a portal link, for a session in a cookie (`__Host-`, `HttpOnly`).

    Either comes as the bearer. A session ends after 12 hours, after an hour without a request, and with its key or
    link. It takes no `Idempotency-Key`: each exchange begins a session, and a link is exchanged once.
    """
    embedded = opened.session.link_id is not None and bool(state.settings.portal_origins)
    response.headers.update({**_NO_STORE, "Set-Cookie": cookie(opened.token, embedded=embedded)})
    return await shown_session(state, opened.session, opened.session.tenant_id, opened.token)


@router.get("/v1/session")
async def read_session(request: Request, response: Response, state: StateDep, caller: CallerDep) -> SessionOut:
    """Read who calls and what they may do; by a cookie, with the token that changes want as `Ringback-CSRF`."""
    response.headers.update(_NO_STORE)
    session, token = request.scope.get("ringback.session"), token_of(request)
    if isinstance(session, SessionRecord) and token is not None:
        return await shown_session(state, session, caller.tenant_id, token)
    return await shown_caller(state, caller)


@router.delete("/v1/session", status_code=HTTPStatus.NO_CONTENT)
async def sign_out(request: Request, response: Response, state: StateDep, _caller: CallerDep) -> None:
    """End the session of the request's cookie; what calls with a key has none to end."""
    token = token_of(request)
    if token is None:
        raise NotFoundError("session")
    await sessions_of(request).end(token)
    session = request.scope.get("ringback.session")
    embedded = isinstance(session, SessionRecord) and session.link_id is not None and state.settings.portal_origins
    response.headers["Set-Cookie"] = no_cookie(embedded=bool(embedded))
