"""Endpoints: the callback URLs that partners register."""

from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import JSON, single
from api.bodies import StrictRoute
from api.deps import EndpointsDep, NamedEndpoint, StateDep, TenantCaller, Transaction, paged, scoped
from api.endpoint_views import Revision, shown, wished
from api.idempotency import OnceDep
from api.paging import Page
from api.schemas.endpoints import EndpointIn, EndpointOut, EndpointPage, EndpointPatch, NewEndpointOut
from api.schemas.fields import Owner, Problem
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import EndpointId
from core.registry import queries
from core.registry.endpoints import EndpointFilter

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
Reading = Annotated[Transaction, Depends(Transaction.of("endpoints:read"), scope="function")]
Writer = Annotated[TenantCaller, Depends(scoped("endpoints:write", owners=True))]

_PATCH: Final = {"schema": {"$ref": "#/components/schemas/EndpointPatch"}}
_MERGE_PATCH: Final[dict[str, object]] = {
    "requestBody": {"content": {"application/merge-patch+json": _PATCH, JSON: _PATCH}}
}
_CHANGED: Final[dict[int | str, dict[str, object]]] = {
    409: {"model": Problem, "description": "Others change the endpoint all the time."},
    412: {
        "$ref": "#/components/responses/PreconditionFailed",
        "description": "The endpoint is not the one that `If-Match` names.",
    },
}


@router.post("/v1/endpoints", status_code=HTTPStatus.CREATED)
async def create_endpoint(
    body: EndpointIn, response: Response, state: StateDep, endpoints: EndpointsDep, caller: Writer, once: OnceDep
) -> NewEndpointOut:
    """Register a callback URL. Its secret is shown here, by `rotate`, and to keys with `secrets:read`.

    A repeat under its `Idempotency-Key` shows it as long as no other has taken its place.
    """
    wish = wished(body, caller.owner_for(body))
    endpoint, secret = await endpoints.create(caller.tenant_id, wish, once, secret=body.secret, within=caller.owner)
    document = shown(endpoint, endpoints, state.settings)
    response.headers.update({"Location": f"/v1/endpoints/{document.id}", "Cache-Control": "no-store"})
    return NewEndpointOut(**document.model_dump(), secret=secret.secret)


@router.get("/v1/endpoints")
async def list_endpoints(
    request: Request,
    response: Response,
    state: StateDep,
    endpoints: EndpointsDep,
    tx: Reading,
    page: Annotated[Page, Depends(paged(ids.ENDPOINT))],
    status: Annotated[Literal["enabled", "paused", "disabled"] | None, Query()] = None,
    owner: Annotated[Owner | None, Query()] = None,
) -> EndpointPage:
    """List endpoints, newest first."""
    before = None if page.before is None else EndpointId(page.before)
    wanted = EndpointFilter(status=status, owner=owner)
    found = await queries.list_endpoints(tx.connection, wanted=wanted, before=before, limit=page.limit + 1)
    items, cursor = page.cut(found, request, response)
    return EndpointPage(data=[shown(one, endpoints, state.settings) for one in items], next_cursor=cursor)


@router.get("/v1/endpoints/{endpoint}", response_model=EndpointOut)
async def read_endpoint(
    endpoint: NamedEndpoint, request: Request, state: StateDep, endpoints: EndpointsDep, tx: Reading
) -> Response:
    """Read an endpoint."""
    found = await queries.read_endpoint(tx.connection, endpoint_id=endpoint)
    if found is None:
        raise NotFoundError("endpoint")
    return single(request, shown(found, endpoints, state.settings).model_dump(mode="json"))


@router.patch("/v1/endpoints/{endpoint}", response_model=EndpointOut, openapi_extra=_MERGE_PATCH, responses=_CHANGED)
async def change_endpoint(
    endpoint: NamedEndpoint,
    body: EndpointPatch,
    request: Request,
    state: StateDep,
    endpoints: EndpointsDep,
    caller: Writer,
) -> Response:
    """Change an endpoint (RFC 7396): `null` means the default again, a masked header value means that it stays.

    It applies to events accepted from now on, and to the next attempt of what waits. Another `signature` makes a new
    secret, and the old one signs beside it for 24 hours. `If-Match` with the `ETag` of a `GET` refuses to overwrite
    the change of somebody else.
    """
    revision = Revision(request, body, caller, endpoints, state.settings)
    changed = await endpoints.change(caller.tenant_id, caller.owner, endpoint, revision)
    return single(request, shown(changed, endpoints, state.settings).model_dump(mode="json"))


@router.delete("/v1/endpoints/{endpoint}", status_code=HTTPStatus.NO_CONTENT)
async def delete_endpoint(endpoint: NamedEndpoint, endpoints: EndpointsDep, caller: Writer) -> None:
    """Delete an endpoint; what waits for it is cancelled with reason `endpoint_deleted`."""
    await endpoints.delete(caller.tenant_id, caller.owner, endpoint)
