"""How sessions are shown."""

from api.auth import Caller
from api.schemas.sessions import SessionOut, SessionTenantOut, ThemeOut
from api.state import State
from core.model.ids import TenantId
from core.model.session import csrf_token
from core.registry.queries import read_tenant
from core.registry.sessions import SessionRecord
from core.registry.tenants import ROLES, SCOPES
from core.settings import Settings


async def shown_session(state: State, session: SessionRecord, tenant_id: TenantId | None, token: str) -> SessionOut:
    """Show a session to the page that holds its cookie."""
    scopes = SCOPES if session.tenant_id is None else session.scopes or ()
    return SessionOut(
        kind=session.kind,  # pyright: ignore[reportArgumentType] - one of the three
        tenant=await _tenant(state, tenant_id),
        role=session.role,
        scopes=list(ROLES[session.role or ""] if session.link_id is not None else scopes),
        owner=session.owner,
        csrf_token=csrf_token(token),
        expires_at=session.expires_at,
        theme=_theme(state.settings),
    )


async def shown_caller(state: State, caller: Caller) -> SessionOut:
    """Show who calls with a key."""
    return SessionOut(
        kind="operator" if caller.operator else "key",
        tenant=await _tenant(state, caller.tenant_id),
        role=None,
        scopes=sorted(caller.scopes),
        owner=caller.owner,
        csrf_token=None,
        expires_at=None,
        theme=_theme(state.settings),
    )


async def _tenant(state: State, tenant_id: TenantId | None) -> SessionTenantOut | None:
    if tenant_id is None:
        return None
    async with state.database.engine() as tx:
        found = await read_tenant(tx, tenant_id=tenant_id)
    return None if found is None else SessionTenantOut.model_validate(found)


def _theme(settings: Settings) -> ThemeOut:
    return ThemeOut(name=settings.portal_name, accent=settings.portal_accent, scheme=settings.portal_scheme)
