"""Runs of checks, as a worker's child makes them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from core.database import Database
from core.journal.queries import read_task
from core.journal.tasks import TaskRecord
from core.model import conformance, ids, tables
from core.model.endings import TaskEnd
from core.model.ids import EndpointId, TenantId
from core.model.signature import parse_secret
from core.progress import ProgressBoard
from core.redis import open_redis
from core.settings import Settings
from tests.support.apps import settings_of
from tests.support.flawed import SECRET
from tests.support.rows import Rows
from tests.support.samples import ago
from workers.lifecycle import call
from workers.runtime import TaskDesk
from workers.task_types.check import Report, TrialOut
from workers.task_types.context import TaskContext
from workers.task_types.define import defined

CHECK = "endpoints.check"


@dataclass(frozen=True)
class Checking:
    """Checks an endpoint, which answers each message within a second or not at all."""

    rows: Rows
    tenant: TenantId
    endpoint: EndpointId
    database_url: str
    redis_url: str

    async def run(self, url: str) -> Sequence[TrialOut]:
        """Check what listens there; return what came of each trial."""
        await self.rows.change(tables.endpoints, self.endpoint, url=url, timeout=1)
        now = self.rows.database.unix_seconds()
        messages = conformance.messages(
            [parse_secret(SECRET)], now=int(now), new_id=lambda: ids.encode(ids.EVENT, self.rows.new_id())
        )
        given = {"endpoint_id": ids.encode(ids.ENDPOINT, self.endpoint), "messages": messages}
        leased: dict[str, object] = {"status": "STARTED", "due_at": None, "lease_until": ago(-60), "run": 1}
        task = await self.rows.task(self.tenant, type=CHECK, input=msgspec.json.encode(given), **leased)
        async with self.rows.database.engine() as tx:
            found = await read_task(tx, task_id=task)
        assert found is not None
        end = await asyncio.to_thread(self._run, found)
        assert isinstance(end, TaskEnd)
        return Report.model_validate_json(end.result or b"").trials

    def _run(self, task: TaskRecord) -> object:
        database, redis = Database(self.database_url, size=1), open_redis(self.redis_url)
        local: dict[str, object] = {"allow_targets": "127.0.0.0/8", "https_only": False}
        settings = Settings.model_validate({**settings_of(database=self.database_url).model_dump(), **local})
        with asyncio.Runner() as runner:
            context = TaskContext(
                task.id, task.run, TaskDesk(runner, database, ProgressBoard(redis, ttl=60), task), settings
            )
            try:
                return call(defined()[CHECK], task, context)
            finally:
                runner.run(database.close())
                runner.run(redis.aclose())
