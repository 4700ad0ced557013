"""The engine: gate → claim → send → settle → record, for thousands at once on one event loop.

```
message ─► lanes ─► claim ─┬─► send ─► settle ─► record ─► slot free ─► lanes
           (gate)          └─► stale: slot free
```
A message is decided once each of its pairs is claimed, stale or refused for want of a slot; only then is it
acknowledged. While Postgres is away nothing is decided, and the broker's prefetch holds the rest back.
The engine owns concurrency and knows no SQL and no HTTP. `stop()` only sets an event; `run()` returns when
everything that was on the wire is recorded.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol
from uuid import UUID

import structlog

from core import clock
from core.lease.claim import Claimed
from core.lease.queries import Policy
from core.model.queued import Queued
from workers.delivery.gate import Admission, Gate
from workers.delivery.lanes import Lanes
from workers.delivery.refill import Refills
from workers.delivery.weights import Weights
from workers.loop import STORE_ERRORS, Pace

CLAIM_BATCH: Final = 500
PAUSE_AFTER_ERROR: Final = 0.5
TOGETHER: Final = 64
"""Attempts that start in one turn of the loop: what is answered then lends its connection to those that follow."""
PACE: Final = 0.002
"""Seconds between claims: under load each one carries what came meanwhile."""
MANY: Final = 80
ROUNDS: Final = 4
"""Claims of a turn: slots that come free meanwhile may bring one claim after the other, and the rest has to go on."""
LEISURE: Final = 0.02
"""Seconds until the next claims after a turn that started many: half of them, each of twice as much, cost less."""

_log: Final = structlog.stdlib.get_logger()


class Claims(Protocol):
    """Where leases come from."""

    async def due(self, rooms: Mapping[UUID, int]) -> Sequence[Queued]:
        """Return the first deliveries of lanes that are due and not leased, of each as many as it has room for."""
        ...

    async def claim(
        self, ids: Sequence[UUID], metered: Sequence[UUID], *, ordered: bool, room: int
    ) -> Sequence[Claimed]:
        """Lease what may be sent now; what is not returned may not.

        `metered` are lanes for which tokens were drawn; `ordered` says whether any of them may keep an order; `room`
        is in bytes: no more is leased once the bodies come to as much.
        """
        ...

    async def policies(self, lanes: Sequence[UUID]) -> Sequence[Policy]:
        """Return which of these lanes have a rate limit or an order."""
        ...


Ended = Callable[[Claimed, BaseException | None], None]
"""Told once of each attempt: that it is recorded, or why it is not."""
Attempt = Callable[[Claimed, float, Ended], None]
"""Start one attempt; the float is the monotonic time before the claim was sent."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many attempts may be under way, and how many bytes their bodies may have; by one body more at most."""

    attempts: int
    bytes: int


class Engine:
    """Takes in names of deliveries, and makes their attempts."""

    def __init__(self, claims: Claims, attempt: Attempt, lanes: Lanes, gate: Gate, bounds: Bounds) -> None:
        self._claims: Final = claims
        self._gate: Final = gate
        self._timer: asyncio.TimerHandle | None = None
        self._attempt: Final = attempt
        self._lanes: Final = lanes
        self._bounds: Final = bounds
        self._in_flight = 0
        self._weights: Final = Weights(bounds.bytes)
        self._landed: Final = asyncio.Event()
        self._undecided: list[Callable[[], None]] = []
        self._wake: Final = asyncio.Event()
        self._refills: Final = Refills(claims.due, lanes, self._wake.set)
        self._pace: Final = Pace(PACE)
        self._stopping = False
        self._rest = PACE

    @property
    def in_flight(self) -> int:
        """How many attempts are under way."""
        return self._in_flight

    @property
    def stopping(self) -> bool:
        """Whether nothing more is claimed here."""
        return self._stopping

    def rooms(self) -> dict[UUID, int]:
        """Return the lanes of which the feeder may bring so many, and no more.

        Those are the lanes that are held, and those that this engine fills itself: of these, none.
        """
        own = dict.fromkeys((lane for lane in self._lanes.refilled() if not self._gate.keeps_order(lane)), 0)
        return own | self._gate.holds.rooms()

    def offer(self, queued: Sequence[Queued], decided: Callable[[], None] | None = None) -> None:
        """Take in deliveries that are due; call `decided` once each is claimed, stale or refused. Never blocks."""
        self._lanes.offer(queued)
        if decided is not None:
            self._undecided.append(decided)
        self._wake.set()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when what is on the wire is recorded."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Work until stopped, then drain."""
        try:
            while not await self._stopped():
                self._wake.clear()
                self._rest = LEISURE if await self.turn() >= MANY else PACE
        finally:
            await self._land()

    async def _land(self) -> None:
        while self._in_flight:
            self._landed.clear()
            await self._landed.wait()
        await self._refills.end()

    async def _stopped(self) -> bool:
        await self._wake.wait()
        await self._pace.wait(
            self._rest
        )  # `stop` wakes as well: what is claimed is decided after the waits, not before them
        return self._stopping

    async def turn(self) -> int:
        """Claim and start what has a free slot now; return how many attempts were started."""
        undecided, self._undecided = self._undecided, []
        self._lanes.wake()
        started = 0
        for _ in range(ROUNDS):
            wanted = self._lanes.take(self._room(), self._weights.is_over)
            if not wanted:
                break
            admission = await self._admit(wanted)
            before, room = clock.monotonic(), self._weights.room
            claimed = await self._claim(admission, room)
            if claimed is None:  # the store is away: nothing is decided
                self._undecided = undecided + self._undecided
                return started
            full = sum([len(one.body) for one in claimed]) >= room
            started += await self._start(claimed, before)
            await self._refuse(admission, {one.delivery_id for one in claimed}, full=full)
            if self._stopping:  # what is not decided comes again, to somebody who goes on
                return started
        else:
            self._wake.set()  # there may be more to start
        for decided in undecided:
            decided()
        for lane, room in self._lanes.short():
            self._refills.want(lane, room)
        self._set_timer()
        return started

    def _room(self) -> int:
        """Return how many may start now."""
        return min(CLAIM_BATCH, self._bounds.attempts - self._in_flight) if self._weights.room > 0 else 0

    async def _admit(self, wanted: Sequence[Queued]) -> Admission:
        admission = await self._gate.admit(wanted)
        if admission.refused:
            self._lanes.put_back(admission.refused)
        for lane, seconds in admission.rests.items():
            self._lanes.rest(lane, clock.monotonic() + seconds)
        return admission

    async def _claim(self, admission: Admission, room: int) -> Sequence[Claimed] | None:
        wanted = admission.admitted
        if not wanted:
            return ()
        try:
            ids, metered = [one.delivery_id for one in wanted], list(admission.metered)
            claimed = await self._claims.claim(ids, metered, ordered=admission.ordered, room=room)
        except STORE_ERRORS as error:
            _log.warning("claim.failed", deliveries=len(wanted), error=type(error).__name__)
            self._lanes.put_back(wanted)
            self._gate.claimed(admission, ())
            await asyncio.sleep(PAUSE_AFTER_ERROR)
            self._wake.set()
            return None
        self._gate.claimed(admission, claimed)
        return claimed

    async def _start(self, claimed: Sequence[Claimed], before: float) -> int:
        self._in_flight += len(claimed)
        left = iter(claimed)
        try:
            for _ in range(TOGETHER, len(claimed), TOGETHER):
                self._start_some(islice(left, TOGETHER), before)
                await asyncio.sleep(0)
        finally:  # they are leased: whoever is told to end now ends after they have
            self._start_some(left, before)
        return len(claimed)

    def _start_some(self, claimed: Iterable[Claimed], before: float) -> None:
        for one in claimed:
            self._weights.put(one.tenant_id, len(one.body))
            self._lanes.learn(one.lane, one.cap, one.url)
            try:
                self._attempt(one, before, self._ended)
            except Exception as error:  # noqa: BLE001 - one attempt must not end the others
                self._ended(one, error)

    async def _refuse(self, admission: Admission, leased: set[UUID], *, full: bool) -> None:
        """Give back the slots of what was not claimed; that of a lane not known enough stands in line again.

        So does all of a claim that had no room for more bytes: it may have been refused for that.
        """
        refused = [one for one in admission.admitted if not _strike(one.delivery_id, leased)]
        if not refused:
            return
        if full:
            self._lanes.put_back(refused)
            return
        known = await self._learn({one.lane for one in refused})
        for one in refused:
            if one.lane not in known:
                self._lanes.refuse(one.lane)
        self._lanes.put_back([one for one in refused if one.lane in known])

    async def _learn(self, lanes: set[UUID]) -> set[UUID]:
        """Return which of these lanes turn out to have a rate limit or an order that was not known."""
        strangers = self._gate.strangers(lanes)
        if not strangers:
            return set()
        try:
            found = await self._claims.policies(strangers)
        except STORE_ERRORS:  # refused once more, and looked up then
            return set()
        return {one.lane for one in found if self._gate.learn(one.lane, one.rate_limit, ordered=one.ordered)}

    def _set_timer(self) -> None:
        """Wake when the next lane has rested: it does not wait for the feeder's turn."""
        if self._timer is not None:
            self._timer.cancel()
        seconds = self._lanes.next_wake()
        self._timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._wake.set)

    def _ended(self, claimed: Claimed, error: BaseException | None) -> None:
        if error is not None:
            # The lease runs out, and the feeder writes the attempt as unknown.
            _log.error("attempt.failed", delivery_id=str(claimed.delivery_id), exc_info=error)
        self._in_flight -= 1
        self._weights.take(claimed.tenant_id, len(claimed.body))
        self._release(claimed.lane)
        self._wake.set()
        if not self._in_flight:
            self._landed.set()

    def _release(self, lane: UUID) -> None:
        refill = self._lanes.release(lane)
        if refill and not self._stopping:
            self._refills.want(lane, refill)


def _strike(delivery_id: UUID, leased: set[UUID]) -> bool:
    """Strike a delivery off what was leased; false if it is not there: one that was taken twice has one lease."""
    there = delivery_id in leased
    leased.discard(delivery_id)
    return there
