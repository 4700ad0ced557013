"""What clients do to events that are there: replay, erase; and test sends."""

from http import HTTPStatus
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Response

from api.answers import JSON
from api.bodies import StrictRoute
from api.deps import ReplaysDep, StateDep, TenantCaller, parse_id, scoped
from api.idempotency import OnceDep
from api.schemas.deliveries import DeliveryOut
from api.schemas.events import EventOut, ReplayIn, SampleIn
from api.state import State
from core.intake.reopen_queries import read_target
from core.intake.replay import SAMPLE_TYPE, sample_data
from core.journal.event_queries import read_event
from core.journal.events import EventRecord, event_document
from core.journal.queries import read_delivery
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import EndpointId, EventId
from core.registry.register import still

router = APIRouter(route_class=StrictRoute, tags=["events"])
Writer = Annotated[TenantCaller, Depends(scoped("events:write"))]
Owner = Annotated[TenantCaller, Depends(scoped("endpoints:write", owners=True))]


@router.post("/v1/events/{event}/replay", status_code=HTTPStatus.ACCEPTED, response_model=EventOut)
async def replay_event(
    event: str, state: StateDep, replays: ReplaysDep, caller: Writer, once: OnceDep, body: ReplayIn | None = None
) -> Response:
    """Make new deliveries of an event: to one endpoint, subscribed or not, or else to what matches now."""
    found = await _find(state, caller, event)
    named = None if body is None or body.endpoint_id is None else parse_id(ids.ENDPOINT, body.endpoint_id, "endpoint")
    await replays.replay(caller.tenant_id, found.id, None if named is None else EndpointId(named), once)
    document = event_document(await _find(state, caller, event))
    headers = {"Location": f"/v1/events/{event}/deliveries"}
    return Response(msgspec.json.encode(document), HTTPStatus.ACCEPTED, headers, media_type=JSON)


@router.delete("/v1/events/{event}/payload", status_code=HTTPStatus.NO_CONTENT)
async def erase_payload(event: str, state: StateDep, replays: ReplaysDep, caller: Writer) -> None:
    """Erase an event's data wherever it lies, and cancel what waits of it; the record stays."""
    found = await _find(state, caller, event)
    await replays.erase(caller.tenant_id, found.id)


@router.post("/v1/endpoints/{endpoint}/test", status_code=HTTPStatus.ACCEPTED, tags=["endpoints"])
async def send_test(
    endpoint: str,
    response: Response,
    state: StateDep,
    replays: ReplaysDep,
    caller: Owner,
    once: OnceDep,
    body: SampleIn | None = None,
) -> DeliveryOut:
    """Make a sample event for this endpoint alone, sent at once, past pause, breaker and order.

    Its data is the example that the catalogue has of its type, if there is one.
    """
    endpoint_id = EndpointId(parse_id(ids.ENDPOINT, endpoint, "endpoint"))
    type_ = SAMPLE_TYPE if body is None or body.event_type is None else body.event_type
    async with state.database.tenant(caller.tenant_id, caller.owner) as tx:
        if await read_target(tx, endpoint_id=endpoint_id) is None:
            raise NotFoundError("endpoint")
        sample = await sample_data(tx, tenant_id=caller.tenant_id, type_=type_)
    delivery_id = await replays.test(caller.tenant_id, endpoint_id, type_=type_, data=sample, once=once)
    async with state.database.tenant(caller.tenant_id, caller.owner) as tx:
        made = still(await read_delivery(tx, delivery_id=delivery_id))
    response.headers["Location"] = f"/v1/deliveries/{ids.encode(ids.DELIVERY, delivery_id)}"
    return DeliveryOut.model_validate(made)


async def _find(state: State, caller: TenantCaller, event: str) -> EventRecord:
    event_id = EventId(parse_id(ids.EVENT, event, "event"))
    async with state.database.tenant(caller.tenant_id) as tx:
        found = await read_event(tx, tenant_id=caller.tenant_id, event_id=event_id)
    if found is None:
        raise NotFoundError("event")
    return found
