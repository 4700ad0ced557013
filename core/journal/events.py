"""Reading events, and the document that clients see of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from core.journal.tasks import timestamp
from core.model import ids
from core.model.ids import EventId, TenantId
from core.model.json_value import JsonValue

_NULL: Final = msgspec.Raw(b"null")


class EventRecord(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as Postgres holds it; `data` is JSON in the bytes that came in, `deliveries` counts what it made."""

    id: EventId
    tenant_id: TenantId
    client_id: str | None
    type: str
    timestamp: datetime
    data: bytes | None
    ordering_key: str | None
    attributes: Mapping[str, JsonValue] | None
    deliveries: int
    created_at: datetime
    erased_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to list; `None` means any."""

    type: str | None = None
    client_id: str | None = None
    ordering_key: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def event_document(event: EventRecord) -> dict[str, object]:
    """Return the event as `GET` shows it."""
    return {
        "id": ids.encode(ids.EVENT, event.id),
        "client_id": event.client_id,
        "type": event.type,
        "timestamp": timestamp(event.timestamp),
        "data": _NULL if event.data is None else msgspec.Raw(event.data),
        "ordering_key": event.ordering_key,
        "attributes": event.attributes or {},
        "deliveries": event.deliveries,
        "created_at": timestamp(event.created_at),
        "erased_at": timestamp(event.erased_at),
    }
