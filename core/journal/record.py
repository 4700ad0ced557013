"""Append to the log: one finished attempt and what it means for its delivery, as one value."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from core.model import ids
from core.model.ids import DeliveryId, EndpointId
from core.model.outcome import Outcome, Trigger
from core.model.queued import Queued
from core.model.settle import Verdict
from core.model.states import DeliveryStatus


class Settled(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt to append; `claim` is the fence: a newer claim makes this outcome a late one."""

    delivery_id: UUID
    tenant_id: UUID
    claim: int
    number: int
    trigger: Trigger
    url: str
    request_headers: str
    """A JSON object, secrets masked."""
    outcome: Outcome
    verdict: Verdict
    started_at: datetime
    ordered: bool = False
    """Whether others of its lane wait until it is delivered or given up."""
    lane: UUID | None = None
    """Whose rollup it counts in, where it was recorded by a deliverer."""

    @property
    def may_tell(self) -> bool:
        """Whether an operational event may follow: then the record needs a transaction around it, and else none."""
        return self.verdict.status is DeliveryStatus.EXHAUSTED or self.verdict.disable_endpoint

    def wide(self) -> dict[str, object]:
        """Return what is logged of it: never a payload, a secret or a URL."""
        outcome, verdict = self.outcome, self.verdict
        return {
            "delivery_id": ids.encode(ids.DELIVERY, self.delivery_id),
            "number": self.number,
            "trigger": self.trigger.value,
            "outcome": outcome.kind.value,
            "error": outcome.error and outcome.error.value,
            "status": outcome.response and outcome.response.status,
            "total_ms": round(outcome.timings.total, 1),
            "next": verdict.status.value,
            "delay": verdict.delay,
        }


@dataclass(frozen=True, slots=True)
class Recorded:
    """What follows from a batch of attempts: deliveries due again at once, and what there is to tell of.

    `exhausted` and `disabled` hold what this batch brought about, less what was sent of operational events.
    """

    due: tuple[Queued, ...] = ()
    exhausted: tuple[DeliveryId, ...] = ()
    disabled: tuple[EndpointId, ...] = ()
