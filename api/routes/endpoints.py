"""Endpoints: the callback URLs that partners register."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.answers import single
from api.bodies import StrictRoute
from api.deps import RegistrarDep, StateDep, TenantCaller, Transaction, paged, parse_id, scoped
from api.idempotency import OnceDep
from api.paging import Page
from api.schemas.endpoints import EndpointIn, EndpointOut, EndpointPage, NewEndpointOut
from api.schemas.tenants import SecretOut
from core.model import ids
from core.model.errors import NotFoundError
from core.model.header_rules import mask
from core.model.ids import EndpointId
from core.registry import queries
from core.registry.endpoints import EndpointRecord
from core.registry.register import EndpointWish, Registrar
from core.settings import Settings

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
Reading = Annotated[Transaction, Depends(Transaction.of("endpoints:read"), scope="function")]


@router.post("/v1/endpoints", status_code=HTTPStatus.CREATED)
async def create_endpoint(
    body: EndpointIn,
    response: Response,
    state: StateDep,
    registrar: RegistrarDep,
    caller: Annotated[TenantCaller, Depends(scoped("endpoints:write", owners=True))],
    once: OnceDep,
) -> NewEndpointOut:
    """Register a callback URL. Its secret is shown here, and to keys with `secrets:read`."""
    wish = _wish(body, caller.owner_for(body))
    endpoint, secret = await registrar.endpoint(caller.tenant_id, wish, once, within=caller.owner)
    shown = _shown(endpoint, registrar, state.settings)
    response.headers["Location"] = f"/v1/endpoints/{shown.id}"
    return NewEndpointOut(**shown.model_dump(), secret=secret)


@router.get("/v1/endpoints")
async def list_endpoints(
    request: Request,
    response: Response,
    state: StateDep,
    registrar: RegistrarDep,
    tx: Reading,
    page: Annotated[Page, Depends(paged(ids.ENDPOINT))],
) -> EndpointPage:
    """List endpoints, newest first."""
    before = None if page.before is None else EndpointId(page.before)
    found = await queries.list_endpoints(tx.connection, before=before, limit=page.limit + 1)
    items, cursor = page.cut(found, request, response)
    return EndpointPage(data=[_shown(one, registrar, state.settings) for one in items], next_cursor=cursor)


@router.get("/v1/endpoints/{endpoint}", response_model=EndpointOut)
async def read_endpoint(
    endpoint: str, request: Request, state: StateDep, registrar: RegistrarDep, tx: Reading
) -> Response:
    """Read an endpoint."""
    found = await _find(tx, endpoint)
    return single(request, _shown(found, registrar, state.settings).model_dump(mode="json"))


@router.delete("/v1/endpoints/{endpoint}", status_code=HTTPStatus.NO_CONTENT)
async def delete_endpoint(
    endpoint: str, tx: Annotated[Transaction, Depends(Transaction.of("endpoints:write"), scope="function")]
) -> None:
    """Delete an endpoint; what waits for it is cancelled with reason `endpoint_deleted`."""
    endpoint_id = EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint"))
    if not await queries.delete_endpoint(tx.connection, endpoint_id=endpoint_id):
        raise NotFoundError("endpoint")


@router.get("/v1/endpoints/{endpoint}/secret")
async def read_secret(
    endpoint: str,
    response: Response,
    registrar: RegistrarDep,
    tx: Annotated[Transaction, Depends(Transaction.of("secrets:read"), scope="function")],
) -> SecretOut:
    """Read an endpoint's signing secret."""
    found = await _find(tx, endpoint)
    response.headers["Cache-Control"] = "no-store"
    return SecretOut(secret=await registrar.secret(tx.tenant_id, found.id))


async def _find(tx: Transaction, endpoint: str) -> EndpointRecord:
    endpoint_id = EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint"))
    found = await queries.read_endpoint(tx.connection, endpoint_id=endpoint_id)
    if found is None:
        raise NotFoundError("endpoint")
    return found


def _wish(body: EndpointIn, owner: str | None) -> EndpointWish:
    return EndpointWish(
        url=body.url,
        event_types=body.event_types or (),
        description=body.description,
        secret=body.secret,
        headers=body.headers or {},
        max_in_flight=body.max_in_flight,
        retry_schedule=None if body.retry_policy is None else body.retry_policy.schedule,
        timeout=body.timeout,
        owner=owner,
        metadata=body.metadata,
    )


def _shown(endpoint: EndpointRecord, registrar: Registrar, settings: Settings) -> EndpointOut:
    schedule = settings.retry_schedule if endpoint.retry_schedule is None else endpoint.retry_schedule
    values: dict[str, object] = {
        name: getattr(endpoint, name, None) for name in EndpointOut.model_fields if name != "public_key"
    }
    values |= {
        "headers": mask(registrar.headers(endpoint)),
        "retry_policy": {"schedule": list(schedule)},
        "timeout": endpoint.timeout or settings.timeout,
    }
    return EndpointOut.model_validate(values)
