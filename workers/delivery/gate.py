"""The gate in front of the claim: how fast a lane may send, and whether at all.

```
lanes ──► limit (breaker, slow-down, cap) ──► admit (rate limit, probe) ──► claim (pause, order, max_in_flight)
                  ▲                                                            │
                  └────────────────── note ◄── outcome ◄── send ◄──────────────┘
```
What is refused is not claimed, costs no write, and uses no attempt. A lane that nothing limits is let through without a
look at Redis.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from core import clock
from core.lease.claim import Claimed
from core.lease.meter import Meter
from core.lease.presence import DELIVERERS, Presence
from core.model.outcome import Outcome, OutcomeKind
from core.model.queued import Queued
from core.model.settle import pause_asked
from core.model.slowdown import SLOW_DOWN, Pace, faster, slower
from workers.delivery.holds import Holds
from workers.loop import IDLE, Report

PAUSE: Final = 0.5
"""Seconds between two looks at what the other deliverers have seen."""
PROBE_REST: Final = 1.0
"""Seconds that a lane rests whose probe another deliverer sends."""
ASKED: Final = 5.0
"""Seconds after which it is looked up again whether a lane of which something was refused has a limit or an order."""
SLOW_FOR: Final = 3600.0
"""Seconds after its last answer of that kind in which it is known that a receiver had too much, if nothing succeeds."""
SWEPT: Final = 60.0
"""Seconds between two looks for lanes to forget."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What may be claimed of a batch, what may not, and for how many seconds lanes should rest.

    `metered` are the lanes for which tokens were drawn, with how many; `ordered` says whether any keeps an order.
    """

    admitted: Sequence[Queued]
    refused: Sequence[Queued] = ()
    rests: dict[UUID, float] = field(default_factory=dict[UUID, float])
    metered: dict[UUID, int] = field(default_factory=dict[UUID, int])
    ordered: bool = False


class Gate:
    """The gate of one deliverer; `unix_seconds` is a clock that all of them share."""

    def __init__(self, redis: Redis | None, unix_seconds: Callable[[], float]) -> None:
        presence = Presence(redis, DELIVERERS)
        self.holds: Final = Holds(presence, unix_seconds)
        self.meter: Final = Meter(redis, presence)
        self._now: Final = unix_seconds
        self._paces: dict[UUID, Pace] = {}
        self._swept = clock.monotonic()
        self._ordered: Final[set[UUID]] = set()
        self._asked: dict[UUID, float] = {}

    async def run_once(self) -> Report:
        """Exchange what was counted and decided with the other deliverers."""
        await self.holds.flush()
        now = clock.monotonic()
        self._asked = {lane: until for lane, until in self._asked.items() if until > now}
        if now - self._swept >= SWEPT:
            self._paces = {lane: pace for lane, pace in self._paces.items() if now - pace.cut_at < SLOW_FOR}
            self._swept = now
        return IDLE

    def limit(self, lane: UUID, cap: int) -> int:
        """Return how many of a lane may be under way at once: 0 while it is held, 1 for the probe of its breaker."""
        room = self.holds.room(lane)
        pace = self._paces.get(lane) if self._paces else None
        limit = cap if pace is None else min(cap, pace.limit)
        return limit if room is None else min(limit, room)

    def keeps_order(self, lane: UUID) -> bool:
        """Tell whether a lane is known to keep an order."""
        return lane in self._ordered

    def held_for(self, lane: UUID) -> float:
        """Return for how many seconds a lane will be held."""
        return self.holds.seconds_left(lane)

    async def admit(self, wanted: Sequence[Queued]) -> Admission:
        """Draw tokens for the lanes that have a rate limit, and see to it that a breaker is probed with one."""
        ordered = bool(self._ordered) and any(one.lane in self._ordered for one in wanted)
        metered = Counter(one.lane for one in wanted if one.lane in self.meter)
        probing = {one.lane for one in wanted if not one.asked and self.holds.room(one.lane) == 1}
        if not metered and not probing:
            return Admission(wanted, ordered=ordered)
        drawn = await self.meter.draw(metered) if metered else {}
        rests = {lane: one.wait for lane, one in drawn.items() if one.wait > 0}
        granted = {lane: one.granted for lane, one in drawn.items()}
        may_probe = [lane for lane in probing if granted.get(lane, 1)]
        barred = set(may_probe) - await self.holds.take_probes(may_probe)
        rests.update(dict.fromkeys(barred, PROBE_REST))
        admitted, refused = _part(wanted, granted, barred)
        return Admission(admitted, refused, rests, granted, ordered)

    def claimed(self, admission: Admission, claimed: Iterable[Claimed]) -> None:
        """Learn what came of an admission: rates as they stand now, and tokens and probes that led to nothing."""
        used: Counter[UUID] = Counter()
        for one in claimed:
            used[one.lane] += 1
            self.learn(one.lane, one.rate_limit, ordered=one.ordered)
        for lane, granted in admission.metered.items():
            self.meter.give_back(lane, granted - used[lane])
        if self.holds.any:
            for lane in {one.lane for one in admission.admitted} - set(used):
                self.holds.drop_probe(lane)

    def learn(self, lane: UUID, rate_limit: int | None, *, ordered: bool) -> bool:
        """Keep a lane's rate limit and whether it keeps an order; tell whether either is new."""
        new = (rate_limit is not None and lane not in self.meter) or (ordered and lane not in self._ordered)
        self.meter.learn(lane, rate_limit)
        if ordered:
            self._ordered.add(lane)
        else:
            self._ordered.discard(lane)
        return new

    def strangers(self, lanes: Iterable[UUID]) -> list[UUID]:
        """Return those lanes of which it is not known why they were refused: look up their rate limit and order now.

        Of one that keeps an order it may be that, or a limit that it got since.
        """
        now = clock.monotonic()
        unknown = {lane for lane in lanes if lane not in self._ordered or lane not in self.meter}
        found = [lane for lane in unknown if self._asked.get(lane, 0.0) <= now]
        self._asked.update(dict.fromkeys(found, now + ASKED))
        return found

    def note(self, claimed: Claimed, outcome: Outcome, seconds: float) -> None:
        """Take in how an attempt ended, after so many seconds."""
        succeeded, now = outcome.kind is OutcomeKind.SUCCEEDED, clock.monotonic()
        self.holds.count(claimed.lane, succeeded=succeeded, seconds=seconds)
        pace = self._paces.get(claimed.lane) if self._paces else None
        if outcome.response is not None and outcome.response.status in SLOW_DOWN:
            self._paces[claimed.lane] = slower(pace, cap=claimed.cap, started=now - seconds, now=now)
            asked = pause_asked(outcome, clock.at(self._now()))
            if asked:
                self.holds.pause(claimed.lane, asked)
        elif succeeded and pace is not None:
            quicker = faster(pace, cap=claimed.cap)
            if quicker is None:
                del self._paces[claimed.lane]
            else:
                self._paces[claimed.lane] = quicker


def _part(wanted: Sequence[Queued], granted: dict[UUID, int], barred: set[UUID]) -> tuple[list[Queued], list[Queued]]:
    left = dict(granted)
    admitted: list[Queued] = []
    refused: list[Queued] = []
    for one in wanted:
        may = left.get(one.lane, 1) > 0 and (one.asked or one.lane not in barred)
        (admitted if may else refused).append(one)
        if may and one.lane in left:
            left[one.lane] -= 1
    return admitted, refused
