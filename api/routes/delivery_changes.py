"""What clients do to deliveries that are there: send one again, cancel it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends

from api.bodies import StrictRoute
from api.deps import ReopeningsDep, Transaction
from api.idempotency import OnceDep
from api.routes.deliveries import find_delivery, shown
from api.schemas.deliveries import DeliveryOut
from api.schemas.fields import Problem

router = APIRouter(route_class=StrictRoute, tags=["deliveries"])
Writing = Annotated[Transaction, Depends(Transaction.of("deliveries:write"), scope="function")]
STATE = {409: {"model": Problem, "description": "Its state forbids it."}}


@router.post("/v1/deliveries/{delivery}/resend", status_code=HTTPStatus.ACCEPTED, responses={**STATE})
async def resend_delivery(delivery: str, tx: Writing, reopenings: ReopeningsDep, once: OnceDep) -> DeliveryOut:
    """Send a delivery again, whatever has become of it: one attempt at once, past pause, breaker and order.

    If it fails, the schedule starts from the beginning, unless the delivery had succeeded before: then it stays so.
    One that is on the wire is sent again when that attempt has ended; one that waits keeps its place in the order.
    409 if its endpoint is disabled or deleted, or its payload erased.
    """
    found = await find_delivery(tx, delivery)
    await reopenings.resend(tx.tenant_id, found.id, once)
    return shown(await find_delivery(tx, delivery))


@router.post("/v1/deliveries/{delivery}/cancel", status_code=HTTPStatus.ACCEPTED, responses={**STATE})
async def cancel_delivery(delivery: str, tx: Writing, reopenings: ReopeningsDep, once: OnceDep) -> DeliveryOut:
    """Cancel a delivery, with reason `client`; 409 if it has ended.

    An attempt that is on the wire ends and is recorded; if it succeeds, so has the delivery. One that had succeeded
    and was to be sent again is not, and stays as it is.
    """
    found = await find_delivery(tx, delivery)
    await reopenings.cancel(tx.tenant_id, found.id, once)
    return shown(await find_delivery(tx, delivery))
