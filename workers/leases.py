"""Leases of running tasks, pushed by the worker's main process: a child that hangs in C code cannot do it itself."""

import asyncio
import math
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

import structlog

from core import clock
from core.database import Database
from core.patience import came
from core.registry.task_types import LIVE_FOR
from workers.part_queries import end_part
from workers.queries import end_leases, push_leases
from workers.time_limits import Overrun

LOOK_EVERY: Final = 0.5
"""Seconds between looks for tasks that were asked to end."""
AWAY_FOR: Final = 5.0
"""Seconds without Postgres after which nobody knows why a child runs: it may be done, and wait to say so."""
REGISTER_EVERY: Final = LIVE_FOR / 3
"""Seconds between two words on what this worker offers: two may be lost before its versions are forgotten."""

_log: Final = structlog.stdlib.get_logger()


class LeaseKeeper:
    """A thread of the main process with its own event loop and its own connection."""

    def __init__(
        self,
        database_url: str,
        *,
        leased_by: str,
        lease: int,
        running: Callable[[], Sequence[UUID]],
        kill: Callable[[UUID], None],
        register: Callable[[Database], Awaitable[None]],
        end: Callable[[Database, Overrun], Awaitable[None]],
        register_every: float = REGISTER_EVERY,
        away_for: float = AWAY_FOR,
    ) -> None:
        self._url: Final = database_url
        self._leased_by: Final = leased_by
        self._lease: Final = lease
        self._running: Final = running
        self._kill: Final = kill
        self._register: Final = register
        self._register_every: Final = register_every
        self._end: Final = end
        self._registered_at = -math.inf
        self._lost: Final[set[UUID]] = set()
        self._lost_parts: Final[set[tuple[UUID, int]]] = set()
        self._overruns: Final[dict[UUID, Overrun]] = {}
        self._held: Mapping[UUID, int] = {}
        self._away_for: Final = away_for
        self._away_since: float | None = None
        self._lock: Final = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Final = asyncio.Event()
        self._stopping = False
        self._thread: Final = threading.Thread(target=self._main, name="leases", daemon=True)

    def start(self) -> None:
        """Start pushing; to be called after the children were forked."""
        self._thread.start()

    def stop(self) -> None:
        """Push no more."""
        self._stopping = True
        self._notify()
        self._thread.join(timeout=5)

    def lost(self, task_id: UUID) -> None:
        """Let go of a task whose child is dead; safe from any thread."""
        with self._lock:
            self._lost.add(task_id)
        self._notify()

    def lost_part(self, task_id: UUID, run: int) -> None:
        """Let go of a run of which a part's child is dead: it counts as lost; safe from any thread."""
        with self._lock:
            self._lost_parts.add((task_id, run))
        self._notify()

    def overran(self, overrun: Overrun) -> None:
        """End a run whose child is killed at the hard time limit; safe from any thread.

        One whose number is unknown, because its lease was never pushed, is let go of as lost; so is one that may have
        been done in time, while Postgres was away.
        """
        run = overrun.run or self._held.get(overrun.task_id)
        if run is None or self._is_away():
            self._lose(overrun)
            return
        with self._lock:
            self._overruns[overrun.task_id] = replace(overrun, run=run)
        self._notify()

    def _is_away(self) -> bool:
        return self._away_since is not None and clock.monotonic() - self._away_since >= self._away_for

    def _lose(self, overrun: Overrun) -> None:
        if overrun.in_parts and overrun.run is not None:
            self.lost_part(overrun.task_id, overrun.run)
        else:
            self.lost(overrun.task_id)

    async def turn(self, database: Database) -> None:
        """Say what this worker offers, now and then; push what runs, let go of what was lost, end what overran."""
        if clock.monotonic() - self._registered_at >= self._register_every:
            await self._guarded(self._offer(database))
        runs = self._running()  # which may find that some are lost
        with self._lock:
            lost, running = list(self._lost), [one for one in runs if one not in self._lost]
            overruns, parts = list(self._overruns.values()), list(self._lost_parts)
        for task_id in await self._push(database, running):
            self._kill(task_id)
        if lost or parts:
            await self._guarded(self._let_go(database, lost, parts))
        for overrun in overruns:
            await self._guarded(self._end_overrun(database, overrun))

    async def _push(self, database: Database, running: Sequence[UUID]) -> Sequence[UUID]:
        """Push the leases of what runs, and return what was asked to end and has not."""
        if not running:
            return []
        try:
            async with database.engine() as tx:
                pushed = await push_leases(tx, task_ids=running, leased_by=self._leased_by, lease=self._lease)
        except Exception:
            self._away_since = clock.monotonic() if self._away_since is None else self._away_since
            raise
        self._away_since = None
        known = {one: run for one, run in self._held.items() if one in running}
        self._held = known | {one.id: one.run for one in pushed}
        return [one.id for one in pushed if one.overdue]

    async def _let_go(self, database: Database, lost: Sequence[UUID], parts: Sequence[tuple[UUID, int]]) -> None:
        async with database.engine() as tx:
            still_held = await end_leases(tx, task_ids=lost, leased_by=self._leased_by)
            for task_id, run in parts:
                await end_part(tx, task_id=task_id, run=run)
        with self._lock:
            self._lost.difference_update(one for one in lost if one not in still_held)
            self._lost_parts.difference_update(parts)

    async def _end_overrun(self, database: Database, overrun: Overrun) -> None:
        """End it, or keep it for the next turn: Postgres may be away."""
        await self._end(database, overrun)
        with self._lock:
            if self._overruns.get(overrun.task_id) == overrun:
                del self._overruns[overrun.task_id]

    async def _offer(self, database: Database) -> None:
        await self._register(database)
        if self._registered_at == -math.inf:
            _log.info("worker.registered")
        self._registered_at = clock.monotonic()

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        database = Database(self._url, size=1, direct=0)
        while not self._stopping:
            await self._guarded(self.turn(database))
            if await came(self._wake, min(self._lease / 3, LOOK_EVERY)):
                self._wake.clear()
        if self._lost or self._lost_parts or self._overruns:
            await self._guarded(self.turn(database))
        await database.close()

    async def _guarded(self, turn: Awaitable[None]) -> None:
        try:
            await turn
        except Exception as error:  # noqa: BLE001 - without this thread every long task would be lost
            _log.warning("leases.failed", error=type(error).__name__)

    def _notify(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake.set)
