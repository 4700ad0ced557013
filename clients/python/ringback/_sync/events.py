"""Events, and the catalogue of their types."""

from collections.abc import Sequence
from typing import Unpack

from ringback._sync.pages import Pages
from ringback._sync.wire import Wire
from ringback.answers import given, path
from ringback.generated.models import (
    BatchOut,
    DeliveryOut,
    DeliveryPage,
    EventOut,
    EventPage,
    EventTypeOut,
    EventTypePage,
)
from ringback.generated.params import (
    EventTypeIn,
    ListAllParametersQuery,
    ListOfEventParametersQuery,
    ListTypesParametersQuery,
)
from ringback.lines import NewEvent


class Events:
    """`client.events`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(
        self,
        type: str,  # noqa: A002 - the API's word
        data: object,
        *,
        id: str | None = None,  # noqa: A002 - the API's word
        timestamp: str | None = None,
        ordering_key: str | None = None,
        idempotency_key: str | None = None,
    ) -> EventOut:
        """Send an event; once this returns, it is recorded and will be delivered.

        The same `id` with the same content is one event, for 30 days. Raises `ConflictError` for other content.
        """
        optional = given({"id": id, "timestamp": timestamp, "ordering_key": ordering_key})
        return self._wire.request(
            "POST",
            path("events"),
            into=EventOut,
            json={"type": type, "data": data, **optional},
            idempotency_key=idempotency_key,
        )

    def send_batch(self, events: Sequence[NewEvent], *, idempotency_key: str | None = None) -> BatchOut:
        """Send up to 1,000 events and return what became of each, in their order; a bad one spoils no other."""
        return self._wire.request(
            "POST", path("events", "batch"), into=BatchOut, json=list(events), idempotency_key=idempotency_key
        )

    def get(self, event_id: str) -> EventOut:
        """Return an event."""
        return self._wire.request("GET", path("events", event_id), into=EventOut)

    def replay(self, event_id: str, *, endpoint_id: str | None = None, idempotency_key: str | None = None) -> EventOut:
        """Send an old event again: to that endpoint, subscribed or not, else to what matches now."""
        return self._wire.request(
            "POST",
            path("events", event_id, "replay"),
            into=EventOut,
            json=given({"endpoint_id": endpoint_id}),
            idempotency_key=idempotency_key,
        )

    def erase_payload(self, event_id: str) -> None:
        """Erase an event's data everywhere; its record stays."""
        self._wire.request("DELETE", path("events", event_id, "payload"), into=object)

    def deliveries(self, event_id: str, **filters: Unpack[ListOfEventParametersQuery]) -> Pages[DeliveryOut]:
        """List the deliveries of an event."""
        return Pages(self._wire, path("events", event_id, "deliveries"), DeliveryPage, {**filters})

    def list(self, **filters: Unpack[ListAllParametersQuery]) -> Pages[EventOut]:
        """List events, newest first."""
        return Pages(self._wire, path("events"), EventPage, {**filters})


class EventTypes:
    """`client.event_types`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def put(self, name: str, **fields: Unpack[EventTypeIn]) -> EventTypeOut:
        """Describe a type of events; with a `schema`, events that do not fit are refused."""
        return self._wire.request("PUT", path("event-types", name), into=EventTypeOut, json={**fields})

    def get(self, name: str) -> EventTypeOut:
        """Return what the catalogue says of a type."""
        return self._wire.request("GET", path("event-types", name), into=EventTypeOut)

    def delete(self, name: str) -> None:
        """Forget what the catalogue says of a type."""
        self._wire.request("DELETE", path("event-types", name), into=object)

    def list(self, **filters: Unpack[ListTypesParametersQuery]) -> Pages[EventTypeOut]:
        """List the catalogue."""
        return Pages(self._wire, path("event-types"), EventTypePage, {**filters})
