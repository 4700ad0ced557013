"""Portal links: each shows a partner its own endpoints and deliveries."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.bodies import StrictRoute
from api.deps import StateDep, TenantCaller, Transaction, paged, parse_id, scoped
from api.idempotency import OnceDep
from api.opening import SignInsDep
from api.paging import Page
from api.schemas.sessions import NewPortalLinkOut, PortalLinkIn, PortalLinkOut, PortalLinkPage
from core.model import ids
from core.model.errors import ForbiddenError, NotFoundError
from core.model.ids import LinkId
from core.registry.session_queries import list_links, revoke_link
from core.registry.sessions import LinkWish
from core.registry.tenants import ROLES

router = APIRouter(route_class=StrictRoute, tags=["dashboard"])


@router.post("/v1/portal-links", status_code=HTTPStatus.CREATED)
async def create_portal_link(
    body: PortalLinkIn,
    state: StateDep,
    sign_ins: SignInsDep,
    caller: Annotated[TenantCaller, Depends(scoped("keys:write", owners=True))],
    once: OnceDep,
) -> NewPortalLinkOut:
    """Make a link that opens the portal for one owner, once; it grants no more than its maker holds.

    Whoever opens it sees that owner's endpoints, and their deliveries and attempts, until the session ends: after 12
    hours, after an hour without a request, when the link is revoked, or when the key is that made it. In an answer that
    is replayed for an `Idempotency-Key`, `url` is `null`: its token is not kept.
    """
    for missing in sorted(set(ROLES[body.role]) - caller.scopes):
        raise ForbiddenError(missing)
    wish = LinkWish(owner=caller.owner_for(body) or body.owner, role=body.role, expires_in=body.expires_in)
    link, token = await sign_ins.link(caller.tenant_id, wish, once, key_id=caller.key_id, within=caller.owner)
    url = None if token is None else f"{state.settings.base_url}/dashboard/portal#{token}"
    return NewPortalLinkOut(**PortalLinkOut.model_validate(link).model_dump(), url=url)


@router.get("/v1/portal-links")
async def list_portal_links(
    request: Request,
    response: Response,
    tx: Annotated[Transaction, Depends(Transaction.of("keys:read"), scope="function")],
    page: Annotated[Page, Depends(paged(ids.LINK))],
) -> PortalLinkPage:
    """List the portal links that have not been revoked, newest first."""
    before = None if page.before is None else LinkId(page.before)
    found = await list_links(tx.connection, before=before, limit=page.limit + 1)
    items, cursor = page.cut(found, request, response)
    return PortalLinkPage(data=[PortalLinkOut.model_validate(link) for link in items], next_cursor=cursor)


@router.delete("/v1/portal-links/{link}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_portal_link(
    link: str, tx: Annotated[Transaction, Depends(Transaction.of("keys:write"), scope="function")]
) -> None:
    """Revoke a portal link; it opens nothing any more, and the session that it opened ends within 5 seconds."""
    if not await revoke_link(tx.connection, link_id=LinkId(parse_id(ids.LINK, link, "portal link"))):
        raise NotFoundError("portal link")
