"""Waiting for tasks to change: thousands of polls and streams, one Redis subscription, one query a second.

```
worker ─► Redis channel ─► Watcher ─► the watchers of that task look again
Postgres ◄── all watched tasks in one query, once a second ──┘   (what Redis lost is seen here)
```
A watcher holds an event and nothing else: no thread, no connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import Final, cast
from uuid import UUID

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from api.background import repeat
from core.database import Database
from core.journal.queries import read_marks
from core.patience import came, end_all
from core.progress import CHANNEL, CLOSED

SWEEP_EVERY: Final = 1.0
RECONNECT_AFTER: Final = 1.0


class Watch:
    """One client's wait for one task."""

    def __init__(self) -> None:
        self._changed: Final = asyncio.Event()

    def ring(self) -> None:
        """Say that the task may have changed."""
        self._changed.set()

    async def wait(self, seconds: float) -> bool:
        """Wait for the next change, that long at most; false if there was none."""
        if not await came(self._changed, seconds):
            return False
        self._changed.clear()
        return True


class Watcher:
    """Wakes those who wait for tasks."""

    def __init__(self, database: Database, redis: Redis, *, forget: Callable[[], None] = lambda: None) -> None:
        """Wake nobody yet; `forget` is called when a tenant was closed, here or by another process."""
        self._forget: Final = forget
        self._database: Final = database
        self._redis: Final = redis
        self._watches: Final[dict[UUID, set[Watch]]] = {}
        self._marks: dict[UUID, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.stopping = False

    def start(self) -> None:
        """Listen and sweep until `stop`."""
        self._tasks = [
            asyncio.create_task(repeat("watcher.listen", self._follow, pause=RECONNECT_AFTER)),
            asyncio.create_task(repeat("watcher.sweep", self._look, pause=SWEEP_EVERY)),
        ]

    def dismiss(self) -> None:
        """Let nobody wait any more: who waits is answered with what there is, streams end."""
        self.stopping = True
        for task_id in tuple(self._watches):
            self._ring(task_id)

    async def stop(self) -> None:
        """Dismiss everybody, and listen no more."""
        self.dismiss()
        await end_all(*self._tasks)

    @contextmanager
    def watching(self, task_id: UUID) -> Generator[Watch]:
        """Watch a task: begin before it is read, so that no change falls between."""
        watch = Watch()
        self._watches.setdefault(task_id, set()).add(watch)
        try:
            yield watch
        finally:
            left = self._watches[task_id]
            left.discard(watch)
            if not left:
                del self._watches[task_id]

    def _ring(self, task_id: UUID) -> None:
        for watch in self._watches.get(task_id, ()):
            watch.ring()

    async def _follow(self) -> None:
        async with PubSub(self._redis.connection_pool, ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(CHANNEL)
            listen = cast("Callable[[], AsyncIterator[Mapping[str, bytes]]]", pubsub.listen)
            async for message in listen():
                if message["data"] == CLOSED.encode():
                    self._forget()
                    continue
                with suppress(ValueError):
                    self._ring(UUID(message["data"].decode()))

    async def _look(self) -> None:
        watched = list(self._watches)
        if not watched:
            self._marks = {}
            return
        async with self._database.engine() as tx:
            marks: dict[UUID, str] = {mark.id: mark.mark for mark in await read_marks(tx, task_ids=watched)}
        before, self._marks = self._marks, marks
        for task_id in watched:
            if before.get(task_id) != marks.get(task_id):
                self._ring(task_id)
