"""What stands in the broker's window: names of rows, never what is in them."""

from dataclasses import dataclass
from uuid import UUID

import msgspec


class Queued(msgspec.Struct, frozen=True, gc=False):
    """A delivery that is due."""

    delivery_id: UUID
    lane: UUID
    tenant_id: UUID
    asked: bool = False
    """Whether somebody asked for it now, by a resend or a test: it goes past pause, breaker and order."""
    more: bool = False
    """Whether more of its lane is due than was named: who has sent it looks for the next ones."""


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task that is due, and the queue of its type."""

    task_id: UUID
    type: str
    queue: str
