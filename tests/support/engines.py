"""An engine on real leases whose attempts a test can hold, fail and count."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from core import clock
from core.database import Database
from core.lease.claim import Claimed
from core.lease.lane_queries import next_in_order
from core.lease.queries import Policy
from core.model.queued import Queued
from core.settings import Settings
from tests.support.claiming import OK, record, settled
from workers.delivery.attempt import Leases
from workers.delivery.engine import Bounds, Ended, Engine
from workers.delivery.gate import Gate
from workers.delivery.lanes import Lanes

_made: list[tuple["Post", Engine]] = []


class Post:
    """Claims from Postgres, which is away for the first `outages` calls; attempts that succeed once let go."""

    def __init__(self, database: Database, *, outages: int = 0) -> None:
        self._database = database
        self._leases = Leases(database, Settings(timeout=15, lease=15))
        self._outages = outages
        self.claims = 0
        self.started: list[UUID] = []
        self.ended: list[UUID] = []
        self.broken: set[UUID] = set()
        self.let_go = asyncio.Event()
        self.release: Callable[[Sequence[Queued]], None] = lambda _: None
        self._changed = asyncio.Condition()
        self._under_way: set[asyncio.Task[None]] = set()

    async def claim(
        self, ids: Sequence[UUID], metered: Sequence[UUID], *, ordered: bool, room: int
    ) -> Sequence[Claimed]:
        """See `Claims.claim`."""
        self.claims += 1
        if self.claims <= self._outages:
            raise ConnectionRefusedError
        return await self._leases.claim(ids, metered, ordered=ordered, room=room)

    async def policies(self, lanes: Sequence[UUID]) -> Sequence[Policy]:
        """See `Claims.policies`."""
        return await self._leases.policies(lanes)

    async def due(self, rooms: Mapping[UUID, int]) -> Sequence[Queued]:
        """See `Claims.due`."""
        return await self._leases.due(rooms)

    def attempt(self, claimed: Claimed, _before: float, ended: Ended) -> None:
        """Wait until let go, then succeed and record it, or break."""
        task = asyncio.create_task(self._make(claimed))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(lambda done: ended(claimed, done.exception()))

    async def _make(self, claimed: Claimed) -> None:
        await self._note(self.started, claimed.delivery_id)
        await self.let_go.wait()
        if claimed.delivery_id in self.broken:
            raise RuntimeError(claimed.delivery_id)
        await record(self._database, settled(claimed, OK))
        if claimed.ordered:
            async with self._database.engine() as tx:
                self.release(await next_in_order(tx, ended=[claimed.delivery_id]))
        await self._note(self.ended, claimed.delivery_id)

    async def wait_for(self, count: int, of: list[UUID]) -> None:
        """Wait until that many attempts have started, or ended."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(lambda: len(of) >= count)

    async def _note(self, where: list[UUID], delivery_id: UUID) -> None:
        where.append(delivery_id)
        async with self._changed:
            self._changed.notify_all()


def new_engine(
    post: Post, *, cap: int = 50, limit: int = 100, limit_bytes: int = 1_000_000, gate: Gate | None = None
) -> Engine:
    """Return an engine that is not running; without a gate it has one of its own, and no Redis."""
    known = gate or Gate(None, clock.unix_seconds)
    lanes = Lanes(cap, bound=4_000, doors=known)
    engine = Engine(post, post.attempt, lanes, known, Bounds(limit, limit_bytes))
    _made.append((post, engine))
    return engine


async def land() -> None:
    """End what the engines of this test have under way: a connection that is in use then would be left open."""
    while _made:
        post, engine = _made.pop()
        post.let_go.set()
        async with asyncio.timeout(60), running(engine):
            pass


@asynccontextmanager
async def running(engine: Engine) -> AsyncGenerator[asyncio.Task[None]]:
    """Run an engine, and stop it at the end."""
    task = asyncio.create_task(engine.run())
    try:
        yield task
    finally:
        engine.stop()
        await task
