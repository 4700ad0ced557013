"""Tenants, their keys and their default signing secret."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.bodies import StrictRoute, merge_patch_of, merging
from api.deps import (
    OperatorDep,
    RegistrarDep,
    StateDep,
    TenantCaller,
    TenantChangesDep,
    Transaction,
    paged,
    parse_id,
    scoped,
)
from api.idempotency import OnceDep
from api.paging import Page
from api.schemas.fields import Problem
from api.schemas.tenants import (
    KeyIn,
    KeyOut,
    KeyPage,
    NewKeyOut,
    RotationIn,
    SecretOut,
    TenantIn,
    TenantOut,
    TenantPage,
    TenantPatch,
)
from api.sessions import sessions_of
from core.model import ids
from core.model.errors import ForbiddenError, NotFoundError
from core.model.ids import KeyId, TenantId
from core.model.signature import new_secret
from core.registry import queries
from core.registry.register import KeyWish
from core.registry.tenants import ROLES

UNTOLD: Final = RotationIn()

_TAKEN: Final[dict[int | str, dict[str, object]]] = {
    409: {"model": Problem, "description": "There is a tenant of this slug already."}
}

router = APIRouter(route_class=StrictRoute, tags=["tenants and keys"])


@router.post("/v1/tenants", status_code=HTTPStatus.CREATED, responses=_TAKEN)
async def create_tenant(body: TenantIn, registrar: RegistrarDep, _caller: OperatorDep, once: OnceDep) -> TenantOut:
    """Make a tenant, with a default signing secret and its limits. The operator only."""
    return TenantOut.of(await registrar.tenant(body.slug, body.name, body.limits.record(), once))


@router.get("/v1/tenants")
async def list_tenants(
    request: Request,
    response: Response,
    state: StateDep,
    _caller: OperatorDep,
    page: Annotated[Page, Depends(paged(ids.TENANT))],
) -> TenantPage:
    """List tenants, newest first. The operator only."""
    before = None if page.before is None else TenantId(page.before)
    async with state.database.engine() as tx:
        found = await queries.list_tenants(tx, before=before, limit=page.limit + 1)
    items, cursor = page.cut(found, request, response)
    return TenantPage(data=[TenantOut.of(tenant) for tenant in items], next_cursor=cursor)


@router.get("/v1/tenants/{tenant}")
async def read_tenant(tenant: str, state: StateDep, _caller: OperatorDep) -> TenantOut:
    """Read a tenant by its ID or its slug. The operator only."""
    async with state.database.engine() as tx:
        found = await queries.find_tenant(tx, name=tenant)
    if found is None:
        raise NotFoundError("tenant")
    return TenantOut.of(found)


@router.patch("/v1/tenants/{tenant}", openapi_extra=merge_patch_of(TenantPatch), responses=_TAKEN)
async def change_tenant(tenant: str, body: TenantPatch, changes: TenantChangesDep, _caller: OperatorDep) -> TenantOut:
    """Change a tenant's name, slug and limits (RFC 7396); limits apply within two seconds. The operator only."""
    return TenantOut.of(await changes.change(tenant, merging(body.applied_to)))


@router.delete("/v1/tenants/{tenant}", status_code=HTTPStatus.NO_CONTENT)
async def delete_tenant(
    tenant: str, request: Request, state: StateDep, changes: TenantChangesDep, _caller: OperatorDep
) -> None:
    """Close a tenant for good. The operator only.

    Its keys and endpoints end with the answer, its slug is free. What waits is cancelled, what is on the wire comes to
    its end and is recorded; then all data is erased, in batches, beginning a minute later.
    """
    await changes.close(tenant)
    sessions_of(request).forget()
    await state.board.closed()


@router.post("/v1/keys", status_code=HTTPStatus.CREATED)
async def create_key(
    body: KeyIn,
    registrar: RegistrarDep,
    caller: Annotated[TenantCaller, Depends(scoped("keys:write", owners=True))],
    once: OnceDep,
) -> NewKeyOut:
    """Make an API key. It is shown this once, and grants no more than its maker holds.

    A key with an `owner` sees and makes that owner's endpoints, their deliveries and attempts, the events that it got
    by them, and keys of that owner. It holds no `tasks:*` and no `events:write`. In an answer that is replayed for an
    `Idempotency-Key`, `key` is `null`: it is not kept.
    """
    scopes = ROLES[body.role] if body.role is not None else sorted(set(body.scopes or ()))
    for missing in sorted(set(scopes) - caller.scopes):
        raise ForbiddenError(missing)
    owner = caller.owner_for(body)
    wish = KeyWish(name=body.name, role=body.role, scopes=scopes, expires_at=body.expires_at, owner=owner)
    record, key = await registrar.key(caller.tenant_id, wish, once, within=caller.owner)
    return NewKeyOut(**KeyOut.model_validate(record).model_dump(), key=key)


@router.get("/v1/keys")
async def list_keys(
    request: Request,
    response: Response,
    tx: Annotated[Transaction, Depends(Transaction.of("keys:read"), scope="function")],
    page: Annotated[Page, Depends(paged(ids.KEY))],
) -> KeyPage:
    """List the tenant's keys that have not been revoked, newest first."""
    before = None if page.before is None else KeyId(page.before)
    found = await queries.list_keys(tx.connection, before=before, limit=page.limit + 1)
    items, cursor = page.cut(found, request, response)
    return KeyPage(data=[KeyOut.model_validate(key) for key in items], next_cursor=cursor)


@router.delete("/v1/keys/{key}", status_code=HTTPStatus.NO_CONTENT)
async def revoke_key(
    key: str, tx: Annotated[Transaction, Depends(Transaction.of("keys:write"), scope="function")]
) -> None:
    """Revoke a key; it stops working within 5 seconds."""
    if not await queries.revoke_key(tx.connection, key_id=KeyId(parse_id(ids.KEY, key, "key"))):
        raise NotFoundError("key")


@router.get("/v1/secret")
async def read_default_secret(
    registrar: RegistrarDep, response: Response, caller: Annotated[TenantCaller, Depends(scoped("secrets:read"))]
) -> SecretOut:
    """Read the tenant's default signing secret: it signs what tasks without a `webhook_secret` send."""
    response.headers["Cache-Control"] = "no-store"
    return SecretOut(secret=await registrar.secret(caller.tenant_id, None))


@router.post("/v1/secret/rotate")
async def rotate_default_secret(
    response: Response,
    registrar: RegistrarDep,
    caller: Annotated[TenantCaller, Depends(scoped("keys:write"))],
    _reader: Annotated[TenantCaller, Depends(scoped("secrets:read"))],
    once: OnceDep,
    body: RotationIn = UNTOLD,
) -> SecretOut:
    """Make a new default signing secret. During the overlap, every request is signed with the old one as well.

    It takes the scopes `keys:write` and `secrets:read`.
    """
    response.headers["Cache-Control"] = "no-store"
    made = await registrar.rotate(caller.tenant_id, None, overlap=body.overlap, key=new_secret(), once=once)
    return SecretOut(secret=made)
