"""Deliveries that are fetched: lease them, and say what became of them."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from api.arrivals import pull_when_due
from api.bodies import StrictRoute
from api.deps import NamedEndpoint, StateDep, TenantCaller, scoped
from api.idempotency import OnceDep
from api.listening import Listener
from api.pull_deps import AcknowledgementsDep, ArrivalsDep, PullsDep
from api.schemas.deliveries import DeliveryOut
from api.schemas.fields import Problem
from api.schemas.pull import AckedPage, AcksIn, PulledOut, PulledPage, PullIn
from core.journal.queries import read_delivery
from core.lease.claim import Puller

router = APIRouter(route_class=StrictRoute, tags=["endpoints"])
Writer = Annotated[TenantCaller, Depends(scoped("deliveries:write", owners=True))]

_STATE: Final[dict[int | str, dict[str, object]]] = {
    409: {"model": Problem, "description": "Events are pushed to the endpoint, or the platform has disabled it."}
}


@router.post("/v1/endpoints/{endpoint}/pull", responses=_STATE)
async def pull_deliveries(
    endpoint: NamedEndpoint,
    request: Request,
    pulls: PullsDep,
    arrivals: ArrivalsDep,
    caller: Writer,
    once: OnceDep,
    body: PullIn | None = None,
) -> PulledPage:
    """Lease deliveries of an endpoint with `mode: pull`, each as the signed request that a push would have been.

    What goes, and when, follows the endpoint's order, rate limit, `max_in_flight` and pause. Each has to be
    acknowledged by `ack` within its lease; what is not becomes an attempt `unknown`, and is due again. A replay by
    `Idempotency-Key` hands out again what is leased still.
    """
    who, wanted = Puller(caller.tenant_id, caller.owner, endpoint), body or PullIn()
    listener = Listener(request)
    found = await pull_when_due(pulls, arrivals, who, listener, limit=wanted.max, wait=wanted.wait, once=once)
    return PulledPage(data=[PulledOut.of(one) for one in found])


@router.post("/v1/endpoints/{endpoint}/ack")
async def acknowledge_deliveries(
    endpoint: NamedEndpoint,
    body: AcksIn,
    state: StateDep,
    acknowledgements: AcknowledgementsDep,
    caller: Writer,
    once: OnceDep,
) -> AckedPage:
    """Say what became of pulled deliveries; all of them are recorded, or none.

    One whose lease has run out fills in its own attempt, and a late success ends the delivery. One that was
    acknowledged before changes nothing.
    """
    who = Puller(caller.tenant_id, caller.owner, endpoint)
    acked = await acknowledgements.record(who, [one.ack() for one in body.acks], once)
    async with state.database.tenant(caller.tenant_id, caller.owner) as tx:
        found = [await read_delivery(tx, delivery_id=one) for one in acked]
    return AckedPage(data=[DeliveryOut.model_validate(one) for one in found if one is not None])
