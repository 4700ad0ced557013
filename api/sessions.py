"""Who calls by a cookie: a session of the dashboard or of the portal, for requests that come from our own pages.

Where a request brings a key, its cookie is not looked at. A session is believed for two seconds without a look-up, as
a key is, so that one that has ended, by itself or with its key, stops working within five.
"""

import hmac
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from api.auth import CACHED_FOR, Caller, Keys, unauthorized
from api.errors import ProblemError
from api.state import State
from api.throttle import Failures
from core import clock
from core.model import ids
from core.model.ids import TenantId
from core.model.session import LIFETIME, SESSION_PREFIX, csrf_token, hash_token
from core.registry.session_queries import delete_session, find_session, touch_session
from core.registry.sessions import SessionRecord
from core.registry.tenants import ROLES, SCOPES

COOKIE: Final = "__Host-ringback"
CSRF_HEADER: Final = "ringback-csrf"
_SAFE: Final = frozenset({"GET", "HEAD"})
_CACHE_LIMIT: Final = 10_000


class Sessions:
    """Finds out who calls by a cookie."""

    def __init__(self, state: State, keys: Keys) -> None:
        self._state: Final = state
        self._keys: Final = keys
        self._known: Final[dict[bytes, tuple[float, SessionRecord]]] = {}
        self._era = 0
        self._failures: Final = Failures()

    async def caller(self, request: Request, tenant: str | None) -> Caller | None:
        """Return who calls; `None` where the request has no session's cookie or brings a key.

        Raises a 401 for a session that has ended, a 403 for a request that does not come from our own pages,
        `NotFoundError` for another's tenant.
        """
        token = token_of(request)
        if token is None:
            return None
        session = await self._find(hash_token(token), request)
        _check_origin(request, token, self._state.settings.base_url)
        acting = await self._keys.acting(tenant, session.tenant_id)
        request.scope["ringback.session"] = session
        return _caller(session, None if acting is None else TenantId(acting))

    async def identify(self, request: Request, authorization: str | None, tenant: str | None) -> Caller:
        """Return who calls, by a key or by a cookie; raise what `caller` and `Keys.caller` raise."""
        caller = await self.caller(request, tenant) if authorization is None else None
        return caller or await self._keys.caller(authorization, tenant, address=_address(request))

    def forget(self) -> None:
        """Ask again for every session, key and tenant: one of them has just ended."""
        self._era += 1
        self._known.clear()
        self._keys.forget()

    def check(self, request: Request) -> None:
        """Raise `LimitReachedError` for an address from which too many come with what opens nothing."""
        self._failures.check(_address(request))

    def refused(self, request: Request) -> ProblemError:
        """Return the answer to what opens nothing, and count it; raise `LimitReachedError` for one too many."""
        self._failures.count(_address(request))
        return unauthorized()

    async def end(self, token: str) -> None:
        """End a session, here at once and in other processes within two seconds."""
        self._known.pop(hash_token(token), None)
        async with self._state.database.engine() as tx:
            await delete_session(tx, hash_=hash_token(token))

    async def _find(self, hashed: bytes, request: Request) -> SessionRecord:
        now, era = clock.monotonic(), self._era
        known = self._known.get(hashed)
        if known is not None and now - known[0] < CACHED_FOR:
            return known[1]
        if known is None:  # who was let in a moment ago is not held up by others behind the same address
            self.check(request)
        async with self._state.database.engine() as tx:
            found = await find_session(tx, hash_=hashed)
            if found is not None:
                await touch_session(tx, hash_=hashed)
        self._known.pop(hashed, None)
        if found is None or not self._is_ours(found):
            raise self.refused(request)
        if len(self._known) >= _CACHE_LIMIT:
            self._known.clear()
        if era == self._era:
            self._known[hashed] = (now, found)
        return found

    def _is_ours(self, session: SessionRecord) -> bool:
        """Tell whether the operator's key is still the one that opened the operator's session."""
        opened_by = session.operator_hash
        return opened_by is None or hmac.compare_digest(opened_by, self._state.operator_hash)


def sessions_of(request: Request) -> Sessions:
    """Return what knows who calls by a cookie."""
    sessions: object = request.app.state.sessions
    assert isinstance(sessions, Sessions)
    return sessions


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host


def token_of(request: Request) -> str | None:
    """Return the session's token, unless the request brings a key: the two are never mixed."""
    token = None if "authorization" in request.headers else request.cookies.get(COOKIE)
    return token if token and token.startswith(SESSION_PREFIX) else None


def ends_session(request: Request) -> bool:
    """Tell whether a request that was let in ends its session: nobody stays signed in for a tenant's many requests."""
    scope = request.scope
    return "ringback.session" in scope and (scope["method"], scope["path"]) == ("DELETE", "/v1/session")


def cookie(token: str, *, embedded: bool) -> str:
    """Return the `Set-Cookie` of a session; an embedded one goes with the page around it (CHIPS) and nowhere else.

    `Secure` on plain HTTP too: Chromium and Firefox count loopback as secure, and elsewhere a cookie in clear is none.
    """
    site = "None; Partitioned" if embedded else "Strict"
    return f"{COOKIE}={token}; Path=/; Max-Age={LIFETIME}; Secure; HttpOnly; SameSite={site}"


def no_cookie(*, embedded: bool) -> str:
    """Return the `Set-Cookie` that takes a session's cookie away."""
    return cookie("", embedded=embedded).replace(f"Max-Age={LIFETIME}", "Max-Age=0")


def _caller(session: SessionRecord, tenant_id: TenantId | None) -> Caller:
    shown = None if tenant_id is None else ids.encode(ids.TENANT, tenant_id)
    if session.tenant_id is None:
        return Caller(tenant_id, frozenset(SCOPES), operator=True, shown_tenant=shown)
    scopes = ROLES[session.role or ""] if session.link_id is not None else session.scopes or ()
    return Caller(
        tenant_id,
        frozenset(scopes),
        session.owner,
        requests_per_second=session.requests_per_second,
        shown_tenant=shown,
        key_id=session.key_id,
    )


def _check_origin(request: Request, token: str, base_url: str) -> None:
    """Refuse what another site has our cookie sent with (Fetch Metadata; RFC 6454, section 7).

    A change wants both: that the browser says it comes from our own page, and the token that only that page has read.
    """
    site = request.headers.get("sec-fetch-site")
    if site not in {None, "same-origin", "none"}:
        raise _elsewhere()
    if request.method in _SAFE:
        return
    origin = request.headers.get("origin")
    ours = {request.headers.get("host", ""), urlsplit(base_url).netloc} - {""}
    from_here = site == "same-origin" if origin is None else urlsplit(origin).netloc in ours
    told = request.headers.get(CSRF_HEADER, "").encode()
    if not from_here or not hmac.compare_digest(told, csrf_token(token).encode()):
        raise _elsewhere()


def _elsewhere() -> ProblemError:
    detail = "A session is for the dashboard's own pages; programs send an API key."
    return ProblemError(HTTPStatus.FORBIDDEN, "cross-site", detail)
