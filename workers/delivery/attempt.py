"""One attempt, from its claim to its record."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from core import clock, fail_points
from core.database import Database
from core.lease.claim import Claimed
from core.lease.lane_queries import due_of_lane
from core.lease.queries import Policy, claim_deliveries, give_back, lane_policies
from core.model import ids
from core.model.header_rules import MASK
from core.model.outcome import ErrorClass, Outcome, OutcomeKind
from core.model.queued import Queued
from core.model.sealing import CannotOpenError, KeyRing
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.settings import Settings
from core.version import VERSION
from workers.delivery.exchange import OutgoingRequest, Sender
from workers.delivery.opened import NO_HEADERS, Opener
from workers.delivery.record import Recorder
from workers.delivery.request import Destination, build_request

FEW: Final = 10
"""Slots of a lane below which each is waited for as soon as its request has ended."""
UNREADABLE: Final = "unreadable_secret"

_log: Final = structlog.stdlib.get_logger()


class Leases:
    """Claims against Postgres: each a short transaction, none open while a socket is."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database: Final = database
        self._settings: Final = settings
        self._starts: Final[dict[UUID, str]] = {}
        """Of lanes with many ordering keys, the one that was looked at last."""

    async def claim(self, ids: Sequence[UUID], metered: Sequence[UUID], *, ordered: bool) -> Sequence[Claimed]:
        """See `Claims.claim`."""
        async with self._database.statement() as tx:
            return await claim_deliveries(
                tx,
                ids=ids,
                metered=metered,
                ordered=ordered,
                default_cap=DEFAULT_MAX_IN_FLIGHT,
                default_timeout=self._settings.timeout,
                lease=self._settings.lease,
            )

    async def policies(self, lanes: Sequence[UUID]) -> Sequence[Policy]:
        """See `Claims.policies`."""
        async with self._database.statement() as tx:
            return await lane_policies(tx, lanes=lanes)

    async def due(self, lane: UUID, limit: int) -> Sequence[Queued]:
        """See `Claims.due`."""
        async with self._database.statement() as tx:
            due = await due_of_lane(tx, lane=lane, limit=limit, start=self._starts.pop(lane, None))
        self._starts.update(due.starts)
        return due.queued

    async def give_back(self, claimed: Claimed) -> None:
        """End a lease under which nothing was sent."""
        async with self._database.engine() as tx:
            await give_back(tx, delivery_id=claimed.delivery_id, claim=claimed.claim)


class Attempts:
    """Makes attempts: opens the secrets, signs, sends, settles, records."""

    def __init__(
        self,
        leases: Leases,
        sender: Sender,
        recorder: Recorder,
        ring: KeyRing,
        settings: Settings,
        note: Callable[[Claimed, Outcome, float], None],
    ) -> None:
        """Make none yet; `note` is told how each ended and after how many seconds, before it is recorded."""
        self._note: Final = note
        self._leases: Final = leases
        self._sender: Final = sender
        self._recorder: Final = recorder
        self._opener: Final = Opener(ring)
        self._settings: Final = settings

    async def make(self, claimed: Claimed, before: float) -> None:
        """Make the attempt that was claimed; `before` is the monotonic time before its claim was sent."""
        if fail_points.reached is not None:
            fail_points.reached("attempt.claimed")
        started = clock.monotonic()
        if started + claimed.timeout > before + claimed.timeout + self._settings.lease:
            await self._leases.give_back(claimed)  # another may hold it before this request would end
            return
        try:
            custom = self._opener.headers(claimed)
            request = self._request(claimed, custom)
        except CannotOpenError:
            _log.exception("attempt.unreadable", delivery_id=ids.encode(ids.DELIVERY, claimed.delivery_id))
            custom, request = NO_HEADERS, None
        outcome = _UNREADABLE if request is None else await self._sender.send(request)
        elapsed = clock.monotonic() - started
        if fail_points.reached is not None:
            fail_points.reached("attempt.answered")
        self._note(claimed, outcome, elapsed)
        await self._record(claimed, outcome, _shown(request, custom), elapsed)

    def _request(self, claimed: Claimed, custom: Mapping[str, str]) -> OutgoingRequest:
        keys = self._opener.keys(claimed)
        destination = Destination(claimed.lane, claimed.url, keys, custom, claimed.timeout, claimed.tenant_id)
        return build_request(
            destination,
            event_id=ids.encode(ids.EVENT, claimed.event_id),
            body=claimed.body,
            timestamp=int(claimed.claimed_at.timestamp()),  # the database's: this machine's clock may be wrong
            version=VERSION,
        )

    async def _record(self, claimed: Claimed, outcome: Outcome, headers: Mapping[str, str], elapsed: float) -> None:
        settled = claimed.settled(
            outcome,
            default_schedule=self._settings.retry_schedule,
            headers=headers,
            started_at=claimed.claimed_at,
            now=claimed.claimed_at + timedelta(seconds=elapsed),
        )
        await self._recorder.record(settled, pressing=claimed.ordered or claimed.cap < FEW)


_UNREADABLE: Final = Outcome(OutcomeKind.FAILED, error=ErrorClass.PROTOCOL, note=UNREADABLE)


def _shown(request: OutgoingRequest | None, custom: Mapping[str, str]) -> dict[str, str]:
    """Return the headers as they are logged: the endpoint's own masked."""
    if request is None:
        return {}
    return {name: MASK if name in custom else value for name, value in request.headers}
