"""A claim: the right and the duty to make one attempt, until its lease runs out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.model.outcome import Trigger
from core.model.settle import DeliveryState


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one attempt needs, as the claim returned it; secrets and header values are still sealed."""

    delivery_id: UUID
    tenant_id: UUID
    event_id: UUID
    endpoint_id: UUID | None
    task_id: UUID | None
    lane: UUID
    url: str
    claim: int
    number: int
    trigger: str
    step: int
    unknown_run: int
    had_succeeded: bool
    timeout: int
    cap: int
    schedule: Sequence[int] | None
    claimed_at: datetime
    body: bytes
    sealed_headers: bytes | None
    sealed_webhook_secret: bytes | None
    secret_ids: Sequence[UUID]
    sealed_secrets: Sequence[bytes]

    def state(self, default_schedule: tuple[int, ...]) -> DeliveryState:
        """Return what the rules need to know to settle this attempt."""
        return DeliveryState(
            step=self.step,
            unknown_run=self.unknown_run,
            trigger=Trigger(self.trigger),
            had_succeeded=self.had_succeeded,
            schedule=default_schedule if self.schedule is None else tuple(self.schedule),
        )
