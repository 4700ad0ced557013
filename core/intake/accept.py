"""Accept events: one event, one delivery for each endpoint that wants it, in one statement.

```
NewEvent + verdicts ──► event row + a delivery for each matching endpoint + the direct deliveries   (one transaction)
                    ──► the deliveries that are due now, to be published after the commit
```
The same statement serves one event and a whole group of them. Types match in it, filters beforehand: see
`core.intake.judge`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import msgspec

from core import clock
from core.clock import timestamp
from core.model.ids import EndpointId, EventId, LaneId, TaskId, TenantId
from core.model.json_value import JsonValue
from core.registry.task_types import TaskType

PUBLISHED_FOR: Final = 30
"""Seconds that a published row is left alone before the feeder brings it again."""

AT_ONCE: Final = 16
"""Waiting tasks of one tenant up to which a submit is published at once; the rest is brought by the feeder, in turn."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False):  # a fifth of a dataclass's cost, for each event
    """A fact to record; `data` is JSON, and reaches receivers in exactly these bytes."""

    id: EventId
    tenant_id: TenantId
    type: str
    timestamp: datetime
    data: bytes
    client_id: str | None = None
    ordering_key: str | None = None
    attributes: Mapping[str, JsonValue] | None = None
    """What a CloudEvent says of itself beside its ID, type, time and data."""
    traceparent: str | None = None
    """The trace that it belongs to, as `core.model.trace_context` reads it."""
    task_id: TaskId | None = None
    webhook_url: str | None = None
    """Where the event goes besides the endpoints that match: its task's own callback URL."""
    only_if_wanted: bool = False
    """Whether to record it only if it makes a delivery."""
    about: EndpointId | None = None
    """The endpoint that an operational event is about, and never reaches."""
    owner: str | None = None
    """Whose thing an operational event is about: it reaches endpoints of that owner, and those of none."""


class Body(msgspec.Struct, frozen=True, gc=False):
    """The outgoing body, built once; `data` lies in it at `offset`."""

    bytes: bytes
    offset: int
    length: int


def build_body(event: NewEvent) -> Body:
    """Build the body that every receiver gets (Standard Webhooks 1.0, payload structure)."""
    head = b'{"type":"%b","timestamp":"%b","data":' % (event.type.encode(), (timestamp(event.timestamp) or "").encode())
    return Body(head + event.data + b"}", len(head), len(event.data))


@lru_cache(maxsize=4096)
def data_offset(type_: str) -> int:
    """Return where the data lies in the body of each event of a type: all times are written in as many characters."""
    return build_body(NewEvent(id=_NO_EVENT, tenant_id=_NOBODY, type=type_, timestamp=clock.at(0), data=b"")).offset


_NO_EVENT: Final = EventId(UUID(int=0))
_NOBODY: Final = TenantId(UUID(int=0))


def lane_of_url(tenant_id: UUID, url: str) -> LaneId:
    """Return what deliveries to a task's own URL share: one lane for each tenant and host, whatever the port."""
    return LaneId(uuid5(tenant_id, (urlsplit(url).hostname or "").removesuffix(".")))


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that came with a task."""

    name: str
    media_type: str
    content: bytes

    @property
    def described(self) -> dict[str, JsonValue]:
        """What stands in the task's input in its place."""
        return {"name": self.name, "size": len(self.content), "media_type": self.media_type}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTask:
    """A task to record; `input` is JSON that fits the type's schema."""

    id: TaskId
    tenant_id: TenantId
    type: TaskType
    input: bytes
    webhook_url: str | None = None
    sealed_webhook_secret: bytes | None = None
    metadata: Mapping[str, str]
    traceparent: str | None = None
    unique_key: str | None = None
    delay: int = 0
    expires_in: int | None = None
    retry_of: TaskId | None = None
    content: bytes | None = None
