"""One attempt, from its claim to its record."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from core import clock, fail_points
from core.database import Database
from core.lease.claim import Claimed
from core.lease.lane_queries import due_of_lanes
from core.lease.queries import Policy, claim_deliveries, give_back, lane_policies
from core.model import ids
from core.model.outcome import ErrorClass, Outcome, OutcomeKind
from core.model.queued import Queued
from core.model.sealing import CannotOpenError, KeyRing
from core.registry.endpoints import DEFAULT_MAX_IN_FLIGHT
from core.settings import Settings
from workers.delivery.engine import Ended
from workers.delivery.exchange import OutgoingRequest, Sender
from workers.delivery.opened import Opener
from workers.delivery.record import Recorder
from workers.delivery.request import NOTHING, Destination, build_request

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

    async def claim(
        self, ids: Sequence[UUID], metered: Sequence[UUID], *, ordered: bool, room: int
    ) -> Sequence[Claimed]:
        """See `Claims.claim`."""
        async with self._database.statement() as tx:
            return await claim_deliveries(
                tx,
                ids=ids,
                metered=metered,
                ordered=ordered,
                room=room,
                default_cap=DEFAULT_MAX_IN_FLIGHT,
                default_timeout=self._settings.timeout,
                lease=self._settings.lease,
            )

    async def policies(self, lanes: Sequence[UUID]) -> Sequence[Policy]:
        """See `Claims.policies`."""
        async with self._database.statement() as tx:
            return await lane_policies(tx, lanes=lanes)

    async def due(self, rooms: Mapping[UUID, int]) -> Sequence[Queued]:
        """See `Claims.due`."""
        async with self._database.statement() as tx:
            due = await due_of_lanes(tx, rooms=rooms, starts=self._starts)
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
        self._lease: Final = settings.lease
        self._schedule: Final = settings.retry_schedule
        self._given_back: Final[set[asyncio.Task[None]]] = set()

    def start(self, claimed: Claimed, before: float, ended: Ended) -> None:
        """Make the attempt that was claimed; `before` is the monotonic time before its claim was sent.

        `ended` is called once: when it is recorded, or with why it is not.
        """
        if fail_points.reached is not None:
            fail_points.reached("attempt.claimed")
        flight = Flight(claimed, ended, self._settle)
        if flight.started + claimed.timeout > before + claimed.timeout + self._lease:
            self._give_back(flight)  # another may hold it before this request would end
            return
        try:
            keys, flight.destination = self._opener.keys(claimed), self._opener.destination(claimed)
        except CannotOpenError:
            _log.exception("attempt.unreadable", delivery_id=ids.encode(ids.DELIVERY, claimed.delivery_id))
            flight.ended(_UNREADABLE)
            return
        flight.request = request = build_request(
            flight.destination,
            keys,
            event_id=ids.encode(ids.EVENT, claimed.event_id),
            body=claimed.body,
            timestamp=int(claimed.claimed_at.timestamp()),  # the database's: this machine's clock may be wrong
            timeout=claimed.timeout,
            trace=claimed.trace,
        )
        self._sender.start(request, flight)

    def _give_back(self, flight: "Flight") -> None:
        task = asyncio.get_running_loop().create_task(self._end_lease(flight))
        self._given_back.add(task)
        task.add_done_callback(self._given_back.discard)

    async def _end_lease(self, flight: "Flight") -> None:
        try:
            await self._leases.give_back(flight.claimed)
        except Exception as error:  # noqa: BLE001 - its slot has to come back
            flight.over(error)
        else:
            flight.over(None)

    def _settle(self, flight: "Flight", outcome: Outcome) -> None:
        claimed, elapsed = flight.claimed, clock.monotonic() - flight.started
        if fail_points.reached is not None:
            fail_points.reached("attempt.answered")
        self._note(claimed, outcome, elapsed)
        settled = claimed.settled(
            outcome,
            default_schedule=self._schedule,
            headers=flight.headers,
            started_at=claimed.claimed_at,
            now=claimed.claimed_at + timedelta(seconds=elapsed),
            lane=claimed.lane,
        )
        self._recorder.put(settled, flight.over, pressing=claimed.ordered or claimed.cap < FEW)


class Flight:
    """One attempt under way, from its claim to its record; the listener of its request."""

    __slots__ = ("_ended", "_settle", "claimed", "destination", "request", "started")

    def __init__(self, claimed: Claimed, ended: Ended, settle: Callable[["Flight", Outcome], None]) -> None:
        self.claimed: Final = claimed
        self.started: Final = clock.monotonic()
        self.destination: Destination | None = None
        self.request: OutgoingRequest | None = None
        self._ended = ended
        self._settle: Final = settle

    @property
    def headers(self) -> str:
        """The headers as they are logged, a JSON object; none, if there was no request."""
        if self.destination is None or self.request is None:
            return NOTHING
        return self.destination.log(self.request)

    def ended(self, outcome: Outcome) -> None:
        """See `Listener.ended`."""
        try:
            self._settle(self, outcome)
        except Exception as error:  # noqa: BLE001 - one attempt must not end the others
            self.over(error)

    def broke(self, error: BaseException) -> None:
        """See `Listener.broke`."""
        self.over(error)

    def over(self, error: BaseException | None) -> None:
        """Tell that nothing more will come of it: it is recorded, or there is an error. Only the first time counts."""
        ended, self._ended = self._ended, _ended_before
        ended(self.claimed, error)


def _ended_before(claimed: Claimed, error: BaseException | None) -> None:
    """A slot that came back twice would be there once more than there are slots."""
    _log.error("attempt.ended_twice", delivery_id=ids.encode(ids.DELIVERY, claimed.delivery_id), exc_info=error)


_UNREADABLE: Final = Outcome(OutcomeKind.FAILED, error=ErrorClass.PROTOCOL, note=UNREADABLE)
