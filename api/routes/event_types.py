"""Event types: what a tenant says of the events that it sends."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.answers import tagged
from api.bodies import StrictRoute
from api.deps import CatalogueDep, SchemasDep, TenantCaller, Transaction, scoped
from api.named_pages import NamedPage, named_page
from api.schemas.event_types import EventTypeIn, EventTypeOut, EventTypePage
from api.schemas.events import EventTypeName
from core.model.errors import NotFoundError
from core.registry.event_type_queries import list_event_types, read_event_type
from core.registry.event_types import EventTypeWish

router = APIRouter(route_class=StrictRoute, tags=["events"])
Writer = Annotated[TenantCaller, Depends(scoped("events:write"))]
Reading = Annotated[Transaction, Depends(Transaction.of("events:read"), scope="function")]


@router.put("/v1/event-types/{name}", responses={HTTPStatus.CREATED: {"model": EventTypeOut, "description": "New."}})
async def describe_type(
    name: Annotated[EventTypeName, Path()],
    body: EventTypeIn,
    response: Response,
    caller: Writer,
    catalogue: CatalogueDep,
    schemas: SchemasDep,
) -> EventTypeOut:
    """Describe an event type, or describe it anew: 201 if it was not there.

    Data that does not fit a schema is refused within 2 seconds everywhere. What was accepted before stays as it is.
    """
    wish = EventTypeWish(name=name, description=body.description, schema=body.schema_, example=body.example)
    put, is_new = await catalogue.put(caller.tenant_id, wish)
    schemas.forget(caller.tenant_id)
    response.status_code = HTTPStatus.CREATED if is_new else HTTPStatus.OK
    return EventTypeOut.model_validate(put)


@router.get("/v1/event-types")
async def list_types(
    request: Request, response: Response, tx: Reading, page: Annotated[NamedPage, Depends(named_page("types"))]
) -> EventTypePage:
    """List the event types that are described, by their names.

    A page ends once the schemas and examples in it come to 1 MiB: it may hold fewer than `limit` and go on all the
    same. The list ends where `next_cursor` is `null`.
    """
    after, limit = page.after, page.limit + 1
    found, is_full = await list_event_types(tx.connection, tenant_id=tx.tenant_id, after=after, limit=limit)
    items, cursor = page.cut(found, request, response, is_full=is_full)
    return EventTypePage(data=[EventTypeOut.model_validate(one) for one in items], next_cursor=cursor)


@router.get("/v1/event-types/{name}", response_model=EventTypeOut)
async def read_type(name: str, request: Request, tx: Reading) -> Response:
    """Read an event type."""
    found = await read_event_type(tx.connection, tenant_id=tx.tenant_id, name=name)
    if found is None:
        raise NotFoundError("event type")
    return tagged(request, EventTypeOut.model_validate(found).model_dump_json(by_alias=True).encode())


@router.delete("/v1/event-types/{name}", status_code=HTTPStatus.NO_CONTENT)
async def forget_type(name: str, caller: Writer, catalogue: CatalogueDep, schemas: SchemasDep) -> None:
    """Forget an event type. Its events are taken as they come then; subscriptions to it stay."""
    await catalogue.delete(caller.tenant_id, name)
    schemas.forget(caller.tenant_id)
