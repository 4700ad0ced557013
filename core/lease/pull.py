"""Deliveries that are fetched instead of sent: leased, signed and handed out.

```
look: what is due ──► tokens of the rate limit ──► claim (pause, order, max_in_flight) ──► signed ──► whoever pulls
                                                     lease + attempt counted, committed first
```
The look finds more than is wanted: those who pull at once find the same, and what one of them takes the others pass
over in the claim.
The endpoint is looked up in the tenant's role. What follows goes by it in the engine's, and what hands out names tenant
and owner itself: behind row-level security no index serves the comparison of ordering keys
(`core.journal.order_queries`).
The claim is that of a deliverer; what is not acknowledged within its lease becomes an attempt `unknown`, as that of a
deliverer that died. No breaker stands in front: nothing is sent to who did not ask for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from core.database import Database
from core.lease.claim import Claimed, Puller
from core.lease.lane_queries import due_of_lanes
from core.lease.meter import Meter
from core.lease.pull_queries import Held, PullTarget, asked_of_lane, read_held, read_pull_target
from core.lease.queries import claim_deliveries
from core.lease.signing import open_keys, own_headers
from core.lease.ticket import ticket_of, write_ticket
from core.model import ids
from core.model.errors import ConflictError, NotFoundError
from core.model.sealing import KeyRing
from core.model.signature import SigningKey, sign
from core.once import Kept, Once
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.settings import Settings
from core.version import VERSION

LOOK: Final = 200
"""Deliveries that one look finds, of an order as many keys; of those the next one begins where it ended."""
ROOM: Final = 8 * 1024 * 1024
"""Bytes of bodies from which on a pull hands out no more: they are signed and written out in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A delivery as it is handed out: the request that a push would have been, and the token to acknowledge it with."""

    claimed: Claimed
    headers: Mapping[str, str]
    token: str
    leased_until: datetime


class _NothingError(Exception):
    """Nothing could be claimed: what was written with it is taken back."""


class Pulls:
    """Hands out deliveries of endpoints that are pulled from."""

    def __init__(self, database: Database, meter: Meter, ring: KeyRing, settings: Settings) -> None:
        self._database: Final = database
        self._meter: Final = meter
        self._ring: Final = ring
        self._settings: Final = settings
        self._starts: Final[dict[UUID, str]] = {}
        """Of lanes with many ordering keys, the one that was looked at last."""

    async def pull(self, who: Puller, *, limit: int, once: Once) -> Sequence[Pulled]:
        """Hand out what may go now, committed before it is returned; nothing, if nothing is due or may go.

        Raises `NotFoundError` and `ConflictError` for an endpoint that is not there, is pushed to, or disabled.
        """
        if once.kept is not None:
            return await self._again(who, once.kept)
        target, due = await self._look(who, limit)
        wanted = min(limit, len(due))
        granted = wanted if target.rate_limit is None else await self._draw(who, target.rate_limit, wanted)
        try:
            claimed = await self._claim(who, due, granted, once) if granted else ()
        except _NothingError:
            claimed = ()
        if target.rate_limit is not None:
            self._meter.give_back(who.endpoint_id, granted - len(claimed))
        return self._signed(who, claimed)

    async def _look(self, who: Puller, limit: int) -> tuple[PullTarget, Sequence[UUID]]:
        lane, limit = who.endpoint_id, max(limit, LOOK)
        async with self._database.tenant(who.tenant_id, who.owner) as tx:
            target = check_pulled(await read_pull_target(tx, endpoint_id=lane))
        async with self._database.engine() as tx:
            asked = await asked_of_lane(tx, tenant_id=who.tenant_id, lane=lane, limit=limit)
            due = await due_of_lanes(tx, rooms={lane: limit}, starts=self._starts)
        own = [one.delivery_id for one in due.queued if one.tenant_id == who.tenant_id]
        return target, list(dict.fromkeys([*asked, *own]))

    async def _draw(self, who: Puller, rate: int, wanted: int) -> int:
        if not wanted:
            return 0
        self._meter.learn(who.endpoint_id, rate)
        return (await self._meter.draw({who.endpoint_id: wanted}))[who.endpoint_id].granted

    async def _claim(self, who: Puller, due: Sequence[UUID], limit: int, once: Once) -> Sequence[Claimed]:
        async with self._database.engine() as tx:
            if kept := await once.take(tx, who.endpoint_id):
                return await self._read_again(tx, who, kept)
            claimed = await claim_deliveries(
                tx,
                ids=due,
                metered=[who.endpoint_id],
                puller=who,
                limit=limit,
                room=ROOM,
                default_cap=DEFAULT_MAX_IN_FLIGHT,
                default_timeout=self._settings.timeout,
                lease=self._settings.lease,
            )
            if not claimed:
                raise _NothingError
            open_keys(self._ring, claimed[0])  # a secret that cannot be opened takes the claim back
            await once.note(tx, who.endpoint_id, {"claims": {one.delivery_id.hex: one.claim for one in claimed}})
        places = {delivery_id: place for place, delivery_id in enumerate(due)}
        return sorted(claimed, key=lambda one: places[one.delivery_id])

    async def _again(self, who: Puller, kept: Kept) -> Sequence[Pulled]:
        async with self._database.tenant(who.tenant_id, who.owner) as tx:
            return self._signed(who, await self._read_again(tx, who, kept))

    async def _read_again(self, tx: AsyncConnection, who: Puller, kept: Kept) -> Sequence[Held]:
        """Return what was handed out before and is leased still; what has ended meanwhile is not told again.

        Raises as `pull` does: an endpoint that was deleted meanwhile has no secret to sign with any more.
        """
        check_pulled(await read_pull_target(tx, endpoint_id=who.endpoint_id))
        claims = cast("Mapping[str, int]", kept.more.get("claims", {}))
        return await read_held(
            tx,
            puller=who,
            claims={UUID(delivery): claim for delivery, claim in claims.items()},
            default_timeout=self._settings.timeout,
        )

    def _signed(self, who: Puller, claimed: Sequence[Claimed]) -> Sequence[Pulled]:
        keys = open_keys(self._ring, claimed[0]) if claimed else []  # all of one endpoint
        return [self._signed_one(who, one, keys) for one in claimed]

    def _signed_one(self, who: Puller, one: Claimed, keys: Sequence[SigningKey]) -> Pulled:
        # The database's time: this machine's clock may be wrong.
        webhook_id, at = ids.encode(ids.EVENT, one.event_id), int(one.claimed_at.timestamp())
        signature = sign(keys, message_id=webhook_id, timestamp=at, body=one.body)
        token = write_ticket(
            self._ring,
            ticket_of(one, signed_at=at, signature=signature),
            tenant_id=who.tenant_id,
            endpoint_id=who.endpoint_id,
        )
        lease = timedelta(seconds=one.timeout + self._settings.lease)
        until = one.lease_until if isinstance(one, Held) else one.claimed_at + lease
        headers = own_headers(webhook_id, timestamp=at, signature=signature, version=VERSION, trace=one.trace)
        return Pulled(one, headers, token, until)


def check_pulled(target: PullTarget | None) -> PullTarget:
    """Raise `NotFoundError` or `ConflictError` if an endpoint is none that may be pulled from."""
    if target is None or target.deleted:
        raise NotFoundError("endpoint")
    if not target.pulled:
        raise ConflictError("Events are pushed to this endpoint; one to pull from is made with mode pull.")
    if target.disabled:
        raise ConflictError("The endpoint is disabled; enable it first.")
    return target
