"""Tasks that were erased while they ran."""

from sqlalchemy import func

from core.model import ids
from core.model.ids import TaskId
from core.progress import Progress, ProgressBoard
from core.redis import open_redis
from tests.contract.test_tasks import in_state
from tests.support.accounts import Account
from tests.support.rows import Rows


async def test_no_progress_of_an_erased_task_is_shown(acme: Account, rows: Rows, redis_store: str) -> None:
    task = await in_state(rows, acme.tenant_id, "PROGRESS", erased_at=func.now(), input=None)
    redis = open_redis(redis_store)
    await ProgressBoard(redis, ttl=60).put(TaskId(ids.decode(ids.TASK, task.rpartition("/")[2])), 1, Progress(1, 2))

    answer = await acme.client.get(task)

    await redis.aclose()
    assert answer.json()["progress"] is None
