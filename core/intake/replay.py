"""What clients do to events that are there: send them again, erase them; and a sample for one endpoint alone.

Locks are taken in one order, event, delivery, endpoint, so that whoever erases or disables meanwhile is either seen
here, or sees what was made.
"""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Database
from core.dispatch.publish import Publisher
from core.intake import replay_queries
from core.intake.accept import NewEvent
from core.intake.erase_queries import erase_payloads
from core.intake.judge import TRIES, Judge
from core.intake.reopen import check_target
from core.intake.verdicts import Verdict
from core.journal.events import EventRecord
from core.model import ids
from core.model.errors import ConflictError, NotFoundError, UnavailableError
from core.model.ids import DeliveryId, EndpointId, EventId, InvalidIdError, TenantId, new_uuid7
from core.model.matching import OPERATIONAL
from core.model.outcome import Trigger
from core.model.queued import Queued
from core.once import EVERY_TIME, Once
from core.registry.event_type_queries import read_event_type

SAMPLE_TYPE: Final = "ringback.test"
SAMPLE: Final = b'{"message":"This is a test. It says nothing of anything that happened."}'
"""What a test sends if the catalogue has no example of the type."""


class _StaleError(Exception):
    """A filter is new, or has changed; nothing was made."""

    def __init__(self, event: EventRecord) -> None:
        super().__init__()
        self.event = event


class Replays:
    """Makes new deliveries of old events, and erases events; each change commits before it returns.

    The caller has to have found the event or the endpoint in its tenant's role: this works in the engine's.
    """

    def __init__(self, database: Database, publisher: Publisher, judge: Judge) -> None:
        self._database: Final = database
        self._publisher: Final = publisher
        self._judge: Final = judge

    async def replay(
        self, tenant_id: TenantId, event_id: EventId, endpoint_id: EndpointId | None, once: Once = EVERY_TIME
    ) -> None:
        """Send an event again, to one endpoint or to what matches now; raise `ConflictError` if that cannot be.

        Filters are judged between two transactions, as those of events that come in. Raises `UnavailableError` if they
        change faster than that.
        """
        verdicts: Sequence[Verdict] = ()
        for _ in range(TRIES):
            try:
                return await self._replay(tenant_id, event_id, endpoint_id, verdicts, once)
            except _StaleError as stale:
                verdicts = await self._judge.in_turn(tenant_id, stale.event.type, stale.event.data or b"null")
        raise UnavailableError

    async def _replay(
        self,
        tenant_id: TenantId,
        event_id: EventId,
        endpoint_id: EndpointId | None,
        verdicts: Sequence[Verdict],
        once: Once,
    ) -> None:
        publish = self._publisher.ready
        async with self._database.engine() as tx:
            if await once.take(tx, event_id):
                return
            event = await self._locked(tx, tenant_id, event_id)
            if endpoint_id is None:
                queued = await self._fan_out(tx, event, verdicts, publish=publish)
            elif endpoint_id == _about(event):
                raise ConflictError("The event is about this endpoint: it goes to others only.")
            else:
                queued = await self._deliver(tx, event.id, tenant_id, endpoint_id, Trigger.REPLAY, publish=publish)
        if publish:
            self._publisher.deliveries(queued)

    async def test(
        self,
        tenant_id: TenantId,
        endpoint_id: EndpointId,
        *,
        type_: str = SAMPLE_TYPE,
        data: bytes = SAMPLE,
        once: Once = EVERY_TIME,
    ) -> DeliveryId:
        """Make a sample event for one endpoint alone, sent at once; raise `ConflictError` if that is disabled."""
        publish, now = self._publisher.ready, self._database.unix_seconds()
        delivery_id = DeliveryId(new_uuid7(now))
        event = NewEvent(
            id=EventId(new_uuid7(now)), tenant_id=tenant_id, type=type_, timestamp=clock.at(now), data=data
        )
        async with self._database.engine() as tx:
            if kept := await once.take(tx, delivery_id):
                return DeliveryId(kept.made)
            await replay_queries.insert_alone(tx, event=event)
            queued = await self._deliver(
                tx, event.id, tenant_id, endpoint_id, Trigger.TEST, publish=publish, delivery_id=delivery_id
            )
        if publish:
            self._publisher.deliveries(queued)
        return delivery_id

    async def erase(self, tenant_id: TenantId, event_id: EventId) -> None:
        """Erase an event's payload wherever it lies, and cancel what waits of it; the record stays."""
        async with self._database.engine() as tx:
            await erase_payloads(tx, tenant_id=tenant_id, event_id=event_id)

    async def _locked(self, tx: AsyncConnection, tenant_id: TenantId, event_id: EventId) -> EventRecord:
        event = await replay_queries.lock_event(tx, tenant_id=tenant_id, event_id=event_id)
        if event is None:
            raise NotFoundError("event")
        if event.data is None:
            raise ConflictError("The payload was erased.")
        return event

    async def _fan_out(
        self, tx: AsyncConnection, event: EventRecord, verdicts: Sequence[Verdict], *, publish: bool
    ) -> tuple[Queued, ...]:
        queued = await replay_queries.replay_event(
            tx, event=event, about=_about(event), verdicts=verdicts, publish=publish
        )
        if queued is None:
            await self._judge.learn(tx, [event.tenant_id])
            raise _StaleError(event)
        return queued

    async def _deliver(
        self,
        tx: AsyncConnection,
        event_id: EventId,
        tenant_id: TenantId,
        endpoint_id: EndpointId,
        trigger: Trigger,
        *,
        publish: bool,
        delivery_id: DeliveryId | None = None,
    ) -> tuple[Queued, ...]:
        target = await replay_queries.lock_endpoint(tx, tenant_id=tenant_id, endpoint_id=endpoint_id)
        if target is None:
            raise NotFoundError("endpoint")
        check_target(target)
        queued = await replay_queries.deliver_to(
            tx,
            tenant_id=tenant_id,
            event_id=event_id,
            endpoint_id=endpoint_id,
            delivery_id=delivery_id or DeliveryId(new_uuid7(self._database.unix_seconds())),
            trigger=trigger,
            publish=publish,
        )
        return () if queued is None else (structs.replace(queued, asked=trigger is Trigger.TEST),)


async def sample_data(tx: AsyncConnection, *, tenant_id: TenantId, type_: str) -> bytes:
    """Return what a test of a type sends: the example in the tenant's catalogue, or else a sentence."""
    described = await read_event_type(tx, tenant_id=tenant_id, name=type_)
    return SAMPLE if described is None or described.example is None else msgspec.json.encode(described.example)


class _About(msgspec.Struct):
    """What an operational event says of the endpoint or the delivery that it is about."""

    id: str | None = None
    endpoint_id: str | None = None


def _about(event: EventRecord) -> EndpointId | None:
    """Return the endpoint that an operational event is about."""
    if not event.type.startswith(OPERATIONAL):
        return None
    try:
        about = msgspec.json.decode(event.data or b"{}", type=_About)
        return EndpointId(ids.decode(ids.ENDPOINT, about.endpoint_id or about.id or ""))
    except (msgspec.ValidationError, InvalidIdError):
        return None
