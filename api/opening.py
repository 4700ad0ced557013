"""How a session begins: an API key, the operator's key or a portal link's token is exchanged for it."""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Header, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.auth import Caller, unauthorized
from api.deps import StateDep, let_in_once
from api.sessions import sessions_of
from core.model.session import LINK_PREFIX, hash_token
from core.registry.session_queries import find_session
from core.registry.sessions import SessionRecord
from core.registry.sign_in import SignIns

_bearer: Final = HTTPBearer(
    auto_error=False,
    scheme_name="HTTPBearer",
    description="An API key: `rb_…`.",
)


async def get_sign_ins(request: Request) -> SignIns:
    """Return what opens sessions and makes portal links."""
    sign_ins: object = request.app.state.sign_ins
    assert isinstance(sign_ins, SignIns)
    return sign_ins


SignInsDep = Annotated[SignIns, Depends(get_sign_ins)]


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun, and the token of its cookie."""

    token: str
    session: SessionRecord


async def open_session(
    request: Request,
    state: StateDep,
    sign_ins: SignInsDep,
    _scheme: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    _acting_for: Annotated[
        str | None,
        Header(alias="Ringback-Tenant", description="The tenant that the key is of; an operator's session has none."),
    ] = None,
) -> Opened:
    """Exchange what the request brings as a bearer; a 401 for what opens nothing."""
    scheme, _, brought = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and brought.strip().startswith(LINK_PREFIX):
        token = await _of_link(request, brought.strip(), sign_ins)
    elif scheme:
        token = await _of_caller(await let_in_once(request), state, sign_ins)
    else:  # a cookie opens no other session
        token = None
    if token is None:
        raise unauthorized()
    async with state.database.engine() as tx:
        found = await find_session(tx, hash_=hash_token(token))
    if found is None:
        raise unauthorized()
    return Opened(token, found)


async def _of_link(request: Request, token: str, sign_ins: SignIns) -> str:
    sessions = sessions_of(request)
    sessions.check(request)
    opened = await sign_ins.of_link(token)
    if opened is None:
        raise sessions.refused(request)
    return opened


async def _of_caller(caller: Caller, state: StateDep, sign_ins: SignIns) -> str | None:
    if caller.operator:
        return await sign_ins.of_operator(state.operator_hash)
    if caller.tenant_id is None or caller.key_id is None:
        return None
    return await sign_ins.of_key(caller.tenant_id, caller.key_id)


OpenedDep = Annotated[Opened, Depends(open_session)]
