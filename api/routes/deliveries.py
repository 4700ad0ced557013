"""Deliveries and attempts: what was sent, when, and why not yet."""

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import listed, single
from api.bodies import StrictRoute
from api.deps import StateDep, Transaction, get_state, paged, parse_id
from api.paging import Page
from api.schemas.deliveries import (
    AttemptPage,
    DeliveryDetailOut,
    DeliveryOut,
    DeliveryPage,
    DeliveryStatusName,
    ErrorName,
    ScheduledOut,
)
from api.schemas.fields import Timestamp
from api.state import State
from core.journal.event_queries import read_event
from core.journal.queries import list_attempt_lines, look_attempts, look_deliveries, read_delivery, read_task
from core.journal.read import DeliveryFilter, DeliveryRecord, attempt_document
from core.journal.schedule import plan
from core.journal.waiting import explain
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import AttemptId, DeliveryId, EndpointId, EventId, TaskId
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT

T = TypeVar("T")

router = APIRouter(route_class=StrictRoute, tags=["deliveries"])
Reading = Annotated[Transaction, Depends(Transaction.of("deliveries:read"), scope="function")]


class Filters:
    """The filters of the list, as query parameters."""

    def __init__(
        self,
        *,
        status: Annotated[DeliveryStatusName | None, Query()] = None,
        endpoint_id: Annotated[str | None, Query()] = None,
        event_type: Annotated[str | None, Query(max_length=128)] = None,
        event_id: Annotated[str | None, Query()] = None,
        task_id: Annotated[str | None, Query()] = None,
        response_code: Annotated[str | None, Query(pattern=r"^[1-9](\d\d|xx)$", description="`503` or `5xx`.")] = None,
        error: Annotated[ErrorName | None, Query()] = None,
        created_after: Annotated[Timestamp | None, Query()] = None,
        created_before: Annotated[Timestamp | None, Query()] = None,
    ) -> None:
        exact = response_code is not None and response_code.isdecimal()
        self.wanted = DeliveryFilter(
            status=status,
            endpoint_id=_optional(ids.ENDPOINT, endpoint_id, EndpointId),
            event_type=event_type,
            event_id=_optional(ids.EVENT, event_id, EventId),
            task_id=_optional(ids.TASK, task_id, TaskId),
            response_code=int(response_code) if response_code and exact else None,
            response_class=int(response_code[0]) if response_code and not exact else None,
            error=error,
            created_after=created_after,
            created_before=created_before,
        )


@router.get("/v1/deliveries", operation_id="list_deliveries")
async def list_all(
    request: Request,
    response: Response,
    tx: Reading,
    filters: Annotated[Filters, Depends()],
    page: Annotated[Page, Depends(paged(ids.DELIVERY))],
) -> DeliveryPage:
    """List deliveries, newest first.

    A page looks at 20,000 deliveries at most: where few fit, it may hold fewer than `limit`, or none, and go on all
    the same. The list ends where `next_cursor` is `null`.
    """
    return await _page(request, response, tx, filters.wanted, page)


@router.get("/v1/tasks/{task}/deliveries", tags=["tasks"], operation_id="list_task_deliveries")
async def list_of_task(
    task: str, request: Request, response: Response, tx: Reading, page: Annotated[Page, Depends(paged(ids.DELIVERY))]
) -> DeliveryPage:
    """List what was sent about a task."""
    task_id = TaskId(parse_id(ids.TASK, task, "task"))
    if await read_task(tx.connection, task_id=task_id) is None:
        raise NotFoundError("task")
    return await _page(request, response, tx, DeliveryFilter(task_id=task_id), page)


@router.get("/v1/events/{event}/deliveries", tags=["events"])
async def list_of_event(
    event: str, request: Request, response: Response, tx: Reading, page: Annotated[Page, Depends(paged(ids.DELIVERY))]
) -> DeliveryPage:
    """List what an event made."""
    event_id = EventId(parse_id(ids.EVENT, event, "event"))
    if await read_event(tx.connection, tenant_id=tx.tenant_id, event_id=event_id) is None:
        raise NotFoundError("event")
    return await _page(request, response, tx, DeliveryFilter(event_id=event_id), page)


@router.get("/v1/deliveries/{delivery}", response_model=DeliveryDetailOut, operation_id="read_delivery")
async def read_one(delivery: str, request: Request, state: StateDep, tx: Reading) -> Response:
    """Read a delivery with its schedule: every attempt made and every attempt still to come."""
    (found,) = await _explain(state, [await find_delivery(tx, delivery)])
    attempts = await list_attempt_lines(tx.connection, delivery_id=found.id)
    planned = plan(found, attempts, default=state.settings.retry_schedule)
    detail = DeliveryDetailOut(
        **shown(found).model_dump(), schedule=[ScheduledOut.model_validate(one) for one in planned]
    )
    return single(request, detail.model_dump(mode="json"))


@router.get("/v1/deliveries/{delivery}/attempts", response_model=AttemptPage)
async def read_attempts(
    delivery: str, request: Request, tx: Reading, page: Annotated[Page, Depends(paged(ids.ATTEMPT))]
) -> Response:
    """List a delivery's attempts in their order, the first one first, with request and response as they were.

    A page ends once the bodies in it come to 8 MiB: it may hold fewer than `limit` and go on all the same. The list
    ends where `next_cursor` is `null`.
    """
    of, after = (await find_delivery(tx, delivery)).id, None if page.before is None else AttemptId(page.before)
    found = await look_attempts(tx.connection, delivery_id=of, after=after, limit=page.limit + 1)
    return listed(request, page, found.rows, attempt_document, beyond=found.beyond)


async def _page(
    request: Request, response: Response, tx: Transaction, wanted: DeliveryFilter, page: Page
) -> DeliveryPage:
    before = None if page.before is None else DeliveryId(page.before)
    of_owner, limit = tx.owner is not None, page.limit + 1
    found = await look_deliveries(tx.connection, wanted=wanted, before=before, limit=limit, of_owner=of_owner)
    items, cursor = page.cut(found.rows, request, response, beyond=found.beyond)
    told = await _explain(await get_state(request), items)
    return DeliveryPage(data=[shown(one) for one in told], next_cursor=cursor)


async def find_delivery(tx: Transaction, delivery: str) -> DeliveryRecord:
    """Read a delivery that a path names; raise `NotFoundError` if the caller sees none such."""
    found = await read_delivery(tx.connection, delivery_id=DeliveryId(parse_id(ids.DELIVERY, delivery, "delivery")))
    if found is None:
        raise NotFoundError("delivery")
    return found


async def _explain(state: State, found: Sequence[DeliveryRecord]) -> Sequence[DeliveryRecord]:
    return await explain(state.database, state.redis, found, default_cap=DEFAULT_MAX_IN_FLIGHT)


def shown(delivery: DeliveryRecord) -> DeliveryOut:
    """Show a delivery."""
    return DeliveryOut.model_validate(delivery)


def _optional(prefix: str, text: str | None, kind: Callable[[UUID], T]) -> T | None:
    """Read an ID of a filter; one that is malformed names nothing, so that nothing matches."""
    if text is None:
        return None
    try:
        return kind(ids.decode(prefix, text))
    except ids.InvalidIdError:
        return kind(UUID(int=0))
