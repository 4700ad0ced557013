"""What a partner does with an endpoint: pause it, enable it, cancel what waits for it."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter, Depends

from api.bodies import StrictRoute
from api.deps import EndpointsDep, NamedEndpoint, StateDep, TenantCaller, WithdrawalsDep, scoped
from api.endpoint_views import shown
from api.idempotency import OnceDep
from api.schemas.endpoints import CancelIn, CancelledOut, EndpointOut
from api.schemas.fields import Problem

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
Writer = Annotated[TenantCaller, Depends(scoped("endpoints:write", owners=True))]

_DISABLED: Final[dict[int | str, dict[str, object]]] = {
    409: {"model": Problem, "description": "The platform has disabled the endpoint."}
}


@router.post("/v1/endpoints/{endpoint}/pause", responses=_DISABLED)
async def pause_endpoint(
    endpoint: NamedEndpoint, state: StateDep, endpoints: EndpointsDep, caller: Writer, once: OnceDep
) -> EndpointOut:
    """Hold deliveries back until the endpoint is enabled again; what is on the wire ends."""
    return shown(await endpoints.pause(caller.tenant_id, caller.owner, endpoint, once), endpoints, state.settings)


@router.post("/v1/endpoints/{endpoint}/enable")
async def enable_endpoint(
    endpoint: NamedEndpoint, state: StateDep, endpoints: EndpointsDep, caller: Writer, once: OnceDep
) -> EndpointOut:
    """Send to an endpoint again that was paused, or disabled; what was cancelled meanwhile stays so, see `recover`."""
    return shown(await endpoints.enable(caller.tenant_id, caller.owner, endpoint, once), endpoints, state.settings)


@router.post("/v1/endpoints/{endpoint}/cancel", status_code=HTTPStatus.ACCEPTED)
async def cancel_waiting(
    endpoint: NamedEndpoint, withdrawals: WithdrawalsDep, caller: Writer, once: OnceDep, body: CancelIn | None = None
) -> CancelledOut:
    """Cancel what waits for an endpoint, with reason `client`; what is on the wire ends."""
    wanted = body or CancelIn()
    types = wanted.event_types or ()
    count = await withdrawals.withdraw(
        caller.tenant_id, caller.owner, endpoint, before=wanted.before, event_types=types, once=once
    )
    return CancelledOut(cancelled=count)
