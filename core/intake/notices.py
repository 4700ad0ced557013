"""Operational events: what the platform tells of endpoints and deliveries, in the transaction in which it came about.

```
record ──► exhausted, disabled ──┐
                                 ├──► events `delivery.*`, `endpoint.*` ──► endpoints that ask for them
upkeep ──► failing, disabled ────┘
```
What keeps them from feeding themselves: they reach only endpoints that name them, never the one that they are about,
and the record tells nothing of what was sent of one. They stay with the owner of what they are about.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from core import clock
from core.database import Database
from core.intake.accept import NewEvent
from core.intake.judge import Judge, accept_events
from core.intake.notice_queries import tenants_that_ask
from core.journal.queries import read_deliveries
from core.journal.read import DeliveryRecord, delivery_document
from core.journal.record import Recorded
from core.model import ids
from core.model.header_rules import mask
from core.model.ids import DeliveryId, EndpointId, EventId, TenantId
from core.model.sealing import CannotOpenError, KeyRing
from core.registry.endpoints import EndpointRecord, endpoint_document
from core.registry.queries import read_endpoints
from core.registry.secrets import HEADERS
from core.settings import Settings

DISABLED: Final = "endpoint.disabled"
FAILING: Final = "endpoint.failing"
EXHAUSTED: Final = "delivery.exhausted"

_log: Final = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True)
class Notices:
    """Makes operational events, in the engine's role; the feeder publishes their deliveries at its next turn."""

    database: Database
    ring: KeyRing
    settings: Settings
    judge: Judge = field(default_factory=Judge)

    async def tell(self, tx: AsyncConnection, recorded: Recorded) -> None:
        """Tell of the endpoints and deliveries that a batch of attempts has ended."""
        disabled = await self._about_endpoints(tx, DISABLED, recorded.disabled)
        await self._record(tx, [*disabled, *await self._about_deliveries(tx, recorded.exhausted)])

    async def of_endpoints(self, tx: AsyncConnection, type_: str, endpoint_ids: Sequence[EndpointId]) -> None:
        """Tell of endpoints, as they stand in this transaction."""
        await self._record(tx, await self._about_endpoints(tx, type_, endpoint_ids))

    async def _about_endpoints(
        self, tx: AsyncConnection, type_: str, endpoint_ids: Sequence[EndpointId]
    ) -> list[NewEvent]:
        if not endpoint_ids:
            return []
        found = await read_endpoints(tx, endpoint_ids=endpoint_ids)
        asking = await tenants_that_ask(tx, type_=type_, tenant_ids=(one.tenant_id for one in found))
        wanted = [one for one in found if one.tenant_id in asking]
        return [self._event(type_, one.tenant_id, self._endpoint(one), about=one) for one in wanted]

    async def _about_deliveries(self, tx: AsyncConnection, delivery_ids: Sequence[DeliveryId]) -> list[NewEvent]:
        if not delivery_ids:
            return []
        found = await read_deliveries(tx, delivery_ids=delivery_ids)
        asking = await tenants_that_ask(tx, type_=EXHAUSTED, tenant_ids=(one.tenant_id for one in found))
        wanted = [one for one in found if one.tenant_id in asking]
        about = {one.endpoint_id for one in wanted if one.endpoint_id is not None}
        endpoints = {one.id: one for one in await read_endpoints(tx, endpoint_ids=sorted(about))} if about else {}
        return [self._exhausted(one, endpoints) for one in wanted]

    async def _record(self, tx: AsyncConnection, events: Sequence[NewEvent]) -> None:
        if events:
            await accept_events(tx, judge=self.judge, events=events, publish=False)

    def _exhausted(self, delivery: DeliveryRecord, endpoints: dict[EndpointId, EndpointRecord]) -> NewEvent:
        about = None if delivery.endpoint_id is None else endpoints.get(delivery.endpoint_id)
        return self._event(EXHAUSTED, delivery.tenant_id, delivery_document(delivery), about=about)

    def _event(
        self, type_: str, tenant_id: TenantId, document: dict[str, object], *, about: EndpointRecord | None
    ) -> NewEvent:
        seconds = self.database.unix_seconds()
        return NewEvent(
            id=EventId(ids.new_uuid7(seconds)),
            tenant_id=tenant_id,
            type=type_,
            timestamp=clock.at(seconds),
            data=msgspec.json.encode(document),
            only_if_wanted=True,
            about=None if about is None else about.id,
            owner=None if about is None else about.owner,
        )

    def _endpoint(self, endpoint: EndpointRecord) -> dict[str, object]:
        return endpoint_document(
            endpoint,
            headers=mask(self._headers(endpoint)),
            schedule=self.settings.retry_schedule,
            timeout=self.settings.timeout,
        )

    def _headers(self, endpoint: EndpointRecord) -> dict[str, str]:
        """Open an endpoint's own headers; those that cannot be opened are not told, rather than nothing at all."""
        if endpoint.sealed_headers is None:
            return {}
        try:
            place = {"tenant": endpoint.tenant_id, "row": endpoint.id}
            plain = self.ring.open(endpoint.sealed_headers, **place, column=HEADERS)
        except CannotOpenError:
            _log.exception("notice.unreadable", endpoint_id=ids.encode(ids.ENDPOINT, endpoint.id))
            return {}
        return {str(name): str(value) for name, value in json.loads(plain).items()}
