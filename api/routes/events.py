"""Events: accept, read, and what became of them."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from api.answers import Ready, listed, single
from api.batches import BATCH, BatchDep, outcome_document
from api.bodies import BATCH_PATH, StrictRoute
from api.deps import AcceptanceDep, TenantCaller, Transaction, paged, parse_id, scoped
from api.idempotency import REPLAYED, KeyHeader, request_key
from api.incoming import INCOMING, IncomingDep
from api.paging import Page
from api.schemas.events import BatchOut, EventOut, EventPage
from api.schemas.fields import Timestamp
from api.traces import TraceHeader, all_traced, traced
from core.intake.outcomes import Accepted, Refusal
from core.journal.event_queries import look_events, read_event
from core.journal.events import EventFilter, EventRecord, event_document
from core.model import ids
from core.model.errors import NotFoundError
from core.model.ids import EventId

router = APIRouter(route_class=StrictRoute, tags=["events"])
Writer = Annotated[TenantCaller, Depends(scoped("events:write"))]
_REPLAYED: Final = tuple((name.lower().encode(), value.encode()) for name, value in REPLAYED.items())
_ACCEPTED: Final = HTTPStatus.ACCEPTED.value
_encode: Final = msgspec.json.Encoder().encode
Reading = Annotated[Transaction, Depends(Transaction.of("events:read"), scope="function")]


@router.post("/v1/events", status_code=HTTPStatus.ACCEPTED, response_model=EventOut, openapi_extra=INCOMING)
async def accept_event(
    request: Request,
    caller: Writer,
    sent: IncomingDep,
    acceptance: AcceptanceDep,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Accept an event. An answer means that it is recorded, with a delivery for each endpoint that wants it.

    CloudEvents 1.0 are taken in both modes: structured, as `application/cloudevents+json`, and binary, with their
    attributes in `ce-*` headers (percent-encoded) and JSON as the body. One is known by its `source` and `id`: the
    event's `client_id` is both, with a space between. `subject`, `dataschema` and extensions stay in `attributes`.
    """
    key = request_key(request, caller.tenant_id, idempotency_key, compared=sent.compared)
    return answer_to_event(await acceptance.accept(caller.tenant_id, traced(sent.wish, traceparent), key=key))


def answer_to_event(accepted: Accepted) -> Response:
    """Return 202 with the event and where it is read."""
    document = event_document(accepted.event)
    location = (b"location", f"/v1/events/{document['id']}".encode())
    return Ready(_encode(document), _ACCEPTED, location, *(_REPLAYED if accepted.replayed else ()))


@router.post(BATCH_PATH, status_code=HTTPStatus.ACCEPTED, response_model=BatchOut, openapi_extra=BATCH)
async def accept_batch(
    request: Request,
    caller: Writer,
    sent: BatchDep,
    acceptance: AcceptanceDep,
    traceparent: TraceHeader = None,
    idempotency_key: KeyHeader = None,
) -> Response:
    """Accept up to 1,000 events in their order: 202, and for each line its event's ID or a problem.

    A bad line does not spoil the others; one that is no JSON spoils an array as a whole, and in NDJSON only itself.
    """
    key = request_key(request, caller.tenant_id, idempotency_key, compared=sent.compared)
    wishes = all_traced(sent.wishes, traceparent)
    return answer_to_batch(*await acceptance.accept_all(caller.tenant_id, wishes, key=key))


def answer_to_batch(outcomes: Sequence[Accepted | Refusal], replayed: bool) -> Response:  # noqa: FBT001 - as it is told
    """Return 202 with what became of each line."""
    body = _encode({"data": [outcome_document(one) for one in outcomes]})
    return Ready(body, _ACCEPTED, *(_REPLAYED if replayed else ()))


class EventFilters:
    """The filters of the list, as query parameters."""

    def __init__(
        self,
        *,
        type_: Annotated[str | None, Query(alias="type", max_length=128)] = None,
        client_id: Annotated[str | None, Query(max_length=2000)] = None,
        ordering_key: Annotated[str | None, Query(max_length=255)] = None,
        created_after: Annotated[Timestamp | None, Query()] = None,
        created_before: Annotated[Timestamp | None, Query()] = None,
    ) -> None:
        self.wanted = EventFilter(
            type=type_,
            client_id=client_id,
            ordering_key=ordering_key,
            created_after=created_after,
            created_before=created_before,
        )


@router.get("/v1/events", response_model=EventPage)
async def list_all(
    request: Request,
    tx: Reading,
    page: Annotated[Page, Depends(paged(ids.EVENT))],
    filters: Annotated[EventFilters, Depends()],
) -> Response:
    """List events, newest first; those of the platform (`task.*`) too.

    A page looks at 20,000 events at most: where few fit, it may hold fewer than `limit`, or none, and go on all the
    same. It ends once its data come to 8 MiB, too. The list ends where `next_cursor` is `null`. A key with an owner
    finds each event where it first came to one of the owner's endpoints: by a replay perhaps, long after it was made.
    """
    found = await look_events(
        tx.connection,
        tenant_id=tx.tenant_id,
        wanted=filters.wanted,
        before=page.before,
        limit=page.limit + 1,
        of_owner=tx.owner is not None,
    )
    return listed(request, page, found.rows, event_document, beyond=found.beyond)


@router.get("/v1/events/{event}", response_model=EventOut)
async def read_one(event: str, request: Request, tx: Reading) -> Response:
    """Read an event; its data in the bytes that were sent."""
    return single(request, event_document(await find_event(tx, event)))


async def find_event(tx: Transaction, event: str) -> EventRecord:
    """Return an event that the caller may see; raise `NotFoundError` for any other."""
    event_id = EventId(parse_id(ids.EVENT, event, "event"))
    found = await read_event(tx.connection, tenant_id=tx.tenant_id, event_id=event_id)
    if found is None:
        raise NotFoundError("event")
    return found
