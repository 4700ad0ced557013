"""An event as a client sends it, and the line that it becomes."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from core import clock
from core.intake.accept import NewEvent
from core.intake.event_queries import EventKey, Line
from core.model.errors import FieldError, InvalidInputError
from core.model.ids import EventId, TenantId, new_uuid7
from core.model.json_value import JsonValue
from core.model.matching import RESERVED

EVENT: Final = "event"


class EventWish(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as a client sends it; `data` is JSON in the client's own bytes."""

    type: str
    data: bytes
    client_id: str | None = None
    timestamp: datetime | None = None
    ordering_key: str | None = None
    attributes: Mapping[str, JsonValue] | None = None
    traceparent: str | None = None

    @property
    def value(self) -> JsonValue:
        """What the data means, read anew each time: kept, it takes up to thirty times its bytes."""
        value: JsonValue = msgspec.json.decode(self.data)
        return value

    @property
    def fingerprint(self) -> bytes:
        """What has to be the same when the same client ID comes again."""
        if self.timestamp is None and self.ordering_key is None and self.attributes is None:
            return hashlib.sha256(_type_hash(self.type) + self.data).digest()
        attributes = None if self.attributes is None else json.dumps(dict(self.attributes), sort_keys=True)
        at = None if self.timestamp is None else self.timestamp.isoformat()
        return hashlib.sha256(_head_hash(self.type, at, self.ordering_key, attributes) + self.data).digest()


def _head_hash(*head: str | None) -> bytes:
    return hashlib.sha256(json.dumps(head).encode()).digest()


@lru_cache(maxsize=4096)
def _type_hash(type_: str) -> bytes:
    """Return the hash of what stands before the data of an event that says nothing but its type."""
    return _head_hash(type_, None, None, None)


def line_of(tenant_id: TenantId, wish: EventWish, unix_seconds: float) -> Line:
    """Return the line of an event that is accepted at that time, which should be the database's.

    Raises `InvalidInputError` for a type that is the platform's own.
    """
    if wish.type.startswith(RESERVED):
        detail = f"Types that start with {', '.join(RESERVED)} are the platform's own."
        raise InvalidInputError(FieldError("/type", detail))
    event = NewEvent(
        id=EventId(new_uuid7(unix_seconds)),
        tenant_id=tenant_id,
        type=wish.type,
        timestamp=wish.timestamp or clock.at(unix_seconds),
        data=wish.data,
        client_id=wish.client_id,
        ordering_key=wish.ordering_key,
        attributes=wish.attributes,
        traceparent=wish.traceparent,
    )
    return Line(event, keys=() if wish.client_id is None else (EventKey(EVENT, wish.client_id, wish.fingerprint),))
