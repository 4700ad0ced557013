"""Runs of recovers, as a worker's child makes them."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from core.database import Database
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord, timestamp
from core.model import ids
from core.model.ids import EndpointId, TaskId, TenantId
from core.progress import ProgressBoard
from core.redis import open_redis
from tests.support.apps import settings_of
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.lifecycle import call
from workers.runtime import TaskDesk
from workers.task_types import recovery
from workers.task_types.context import TaskContext
from workers.task_types.define import defined

RECOVER = "endpoints.recover"
assert recovery.BATCH  # the module defines the type


@dataclass(frozen=True)
class Recovering:
    """Starts recovers of one endpoint and runs them; each starts a day ago, unless it is told."""

    rows: Rows
    tenant: TenantId
    endpoint: EndpointId
    database_url: str
    redis_url: str

    async def start(self, *, run: int = 1, **input_: object) -> TaskRecord:
        """Make the task of a recover, whose run has started."""
        now = await self.now()
        given: dict[str, object] = {
            "endpoint_id": ids.encode(ids.ENDPOINT, self.endpoint),
            "since": timestamp(now - timedelta(days=1)),
            "until": timestamp(now + timedelta(minutes=1)),
        }
        written = msgspec.json.encode(given | input_)
        leased: dict[str, object] = {"status": "STARTED", "due_at": None, "lease_until": ago(-60), "run": run}
        task = await self.rows.task(self.tenant, type=RECOVER, input=written, **leased)
        return await self.read(task)

    async def now(self) -> datetime:
        """Return the database's time."""
        found = (await self.rows.one("SELECT now() AS now"))["now"]
        assert isinstance(found, datetime)
        return found

    async def read(self, task: TaskId) -> TaskRecord:
        """Read a task."""
        async with self.rows.database.engine() as tx:
            found = await read_task(tx, task_id=task)
        assert found is not None
        return found

    async def again(self, task: TaskRecord) -> TaskRecord:
        """Start another run of a task."""
        await self.rows.all(
            "UPDATE tasks SET run = run + 1, lost_count = lost_count + 1 WHERE id = :id RETURNING id", id=task.id
        )
        return await self.read(task.id)

    async def run(self, task: TaskRecord) -> object:
        """Run a task to its end, and return that."""
        return await asyncio.to_thread(self._run, task)

    def _run(self, task: TaskRecord) -> object:
        database, redis = Database(self.database_url, size=1), open_redis(self.redis_url)
        with asyncio.Runner() as runner:
            desk = TaskDesk(runner, database, ProgressBoard(redis, ttl=60), task)
            context = TaskContext(task.id, task.run, desk, settings_of(database=self.database_url))
            try:
                return call(defined()[RECOVER], task, context)
            finally:
                runner.run(database.close())
                runner.run(redis.aclose())
