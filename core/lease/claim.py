"""A claim: the right and the duty to make one attempt, until its lease runs out."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from core.journal.record import Settled
from core.model.ids import EndpointId, TenantId
from core.model.outcome import Outcome, Trigger
from core.model.settle import DeliveryState, settle
from core.model.trace_context import continued

_TRIGGERS: Final = {one.value: one for one in Trigger}


@dataclass(frozen=True, slots=True)
class Puller:
    """Who pulls, and from where; `owner` is the key's."""

    tenant_id: TenantId
    owner: str | None
    endpoint_id: EndpointId

    def named(self) -> Mapping[str, object]:
        """Return what the statements that hand out call it."""
        return {"tenant": self.tenant_id, "owner": self.owner, "lane": self.endpoint_id}


class Leased(msgspec.Struct, frozen=True, gc=False):
    """A delivery under a lease, whether its deliverer is at work or gone."""

    delivery_id: UUID
    tenant_id: UUID
    url: str
    claim: int
    number: int
    trigger: str
    step: int
    unknown_run: int
    had_succeeded: bool
    timeout: int
    schedule: Sequence[int] | None
    ordered: bool

    def settled(
        self,
        outcome: Outcome,
        *,
        default_schedule: tuple[int, ...],
        headers: str,
        started_at: datetime,
        now: datetime,
        draw: Callable[[], float] = random.random,  # jitter, not a secret
        lane: UUID | None = None,
    ) -> Settled:
        """Return the attempt with what follows from it; times are the database's, the schedule is in seconds.

        `headers` are those that were sent, a JSON object, secrets masked.
        """
        state = DeliveryState(
            step=self.step,
            unknown_run=self.unknown_run,
            trigger=_TRIGGERS[self.trigger],
            had_succeeded=self.had_succeeded,
            schedule=default_schedule if self.schedule is None else self.schedule,
        )
        return Settled(
            delivery_id=self.delivery_id,
            tenant_id=self.tenant_id,
            claim=self.claim,
            number=self.number,
            trigger=state.trigger,
            url=self.url,
            request_headers=headers,
            outcome=outcome,
            verdict=settle(outcome, state, now=now, draw=draw()),
            started_at=started_at,
            ordered=self.ordered,
            lane=lane,
        )


class Claimed(Leased, frozen=True, gc=False):
    """What one attempt needs, as the claim returned it; secrets and header values are still sealed."""

    event_id: UUID
    endpoint_id: UUID | None
    task_id: UUID | None
    lane: UUID
    cap: int
    rate_limit: int | None
    claimed_at: datetime
    body: bytes
    sealed_headers: bytes | None
    traceparent: str | None
    """The trace that the event belongs to, if the endpoint wants to be told."""
    sealed_webhook_secret: bytes | None
    keys: Sequence[bytes]

    @property
    def trace(self) -> str | None:
        """The `traceparent` of this attempt, if its request has one."""
        return None if self.traceparent is None else continued(self.traceparent, self.delivery_id, self.number)

    @property
    def newest_keys(self) -> Sequence[bytes]:
        """The keys, newest first: their IDs tell."""
        return sorted(self.keys, reverse=True) if len(self.keys) > 1 else self.keys

    @property
    def secrets(self) -> list[tuple[UUID, bytes]]:
        """The IDs of the signing secrets and what is sealed of them, newest first."""
        return [parted(key) for key in self.newest_keys]


def parted(key: bytes) -> tuple[UUID, bytes]:
    """Return the ID of a signing secret, and what is sealed of it."""
    return UUID(bytes=key[:16]), key[16:]


class Lapsed(Leased, frozen=True, gc=False):
    """A delivery whose deliverer did not come back within its lease."""

    created_at: datetime
    lease_until: datetime
    now: datetime
