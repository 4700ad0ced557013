"""What travels on the broker: IDs only, so that a queue never holds a payload."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

import msgspec

from core.dispatch.broker import BATCH
from core.model.queued import Queued

VERSION: Final = 1


class DeliveryBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message of the delivery queue: `d` lists (delivery, lane, tenant), `a` the deliveries that were asked for.

    A delivery that is listed twice is one of many: more of its lane is due. Who does not know that takes it once.
    """

    v: int
    d: list[tuple[UUID, UUID, UUID]]
    a: list[UUID] = []

    def queued(self) -> list[Queued]:
        """Return what the message names."""
        asked, times = set(self.a), Counter(self.d)
        return [Queued(*names, names[0] in asked, many > 1) for names, many in times.items()]


class MalformedMessageError(ValueError):
    """A message that is none of ours: set aside, never retried."""

    def __init__(self) -> None:
        super().__init__("not a batch of deliveries")


def batches(queued: Sequence[Queued]) -> Iterator[dict[str, object]]:
    """Yield message bodies that name all of these, `BATCH` in each."""
    for start in range(0, len(queued), BATCH):
        part = queued[start : start + BATCH]
        body: dict[str, object] = {
            "v": VERSION,
            "d": [(str(q.delivery_id), str(q.lane), str(q.tenant_id)) for q in part for _ in range(1 + q.more)],
        }
        yield body | {"a": asked} if (asked := [str(q.delivery_id) for q in part if q.asked]) else body


def read_batch(body: object) -> DeliveryBatch:
    """Check a decoded message; raise `MalformedMessageError` if it is not one of ours."""
    try:
        batch = msgspec.convert(body, DeliveryBatch)
    except msgspec.ValidationError:
        raise MalformedMessageError from None
    if batch.v != VERSION:
        raise MalformedMessageError
    return batch
